"""The one exception that users see. Its message says what is wrong and what to do about it."""


class AlbumsortError(Exception):
    """A problem that the user can solve. The command line prints the message alone and exits with 1."""


#: System libraries that opencv-python needs and that minimal systems lack, with their packages on Debian.
_SYSTEM_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb.so.1": "libxcb1",
}


def explain_import(error: ImportError) -> str:
    """Explain to the user why a library cannot be loaded."""
    for library, package in _SYSTEM_PACKAGES.items():
        if library in str(error):
            return f"OpenCV needs the system library {library}; on Debian and Ubuntu: sudo apt install {package}"
    return f"a library cannot be loaded ({error}); reinstall albumsort"
