"""Training: FER2013 and FER+ in, a calibrated emotion network out.

``datasets`` reads the published files, ``augment`` warps faces, ``network`` builds the net, from ``layers`` if so told,
``fit`` trains it by a ``recipe``, ``calibrate`` fits temperatures on held-out faces, ``evaluate`` measures, ``convert``
writes what ships, ``compare`` does all of that for several recipes. ``explore`` says what a data set holds, ``history``
reads how runs went, ``export`` writes models for other runtimes.
``tune`` teaches the model that ships what a user corrected. Training is Keras 3 and runs on any of its backends
(``KERAS_BACKEND``); what reads faces, tuning among it, runs on TensorFlow.
"""
