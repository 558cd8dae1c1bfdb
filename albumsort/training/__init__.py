"""Training: makes a calibrated emotion network from FER2013 and the votes of FER+.

- Data: ``datasets`` reads the published files, ``explore`` describes a data set, ``augment`` makes random views.
- Recipes: ``recipe`` has the values, ``recipe_file`` reads and writes them, ``layers`` reads a plain network's layers.
- Fitting: ``network`` builds the net, ``fit`` trains it, ``run`` stores the run on disk, ``teachers`` reads the
  probabilities of other networks, ``history`` reads finished runs.
- Models: ``train`` makes a model by a recipe, with ``predict``, ``calibrate`` and ``evaluate``. ``model_file`` writes
  it. ``compare`` trains and measures several recipes, ``export`` writes models for other runtimes, ``tune`` learns from
  a user's corrections.
- ``plots`` draws all of this. No other module here imports it; the command line calls it.

Training uses Keras 3 and runs on any of its backends (``KERAS_BACKEND``). ``export`` and ``tune`` need TensorFlow.
"""
