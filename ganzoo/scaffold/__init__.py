"""What ``ganzoo new plugin`` writes: a distribution that works before its author changes a line.

``templates/`` is itself such a distribution, with one component of every kind and the namespace
``acme``; `plugin_files` leaves out the kinds that are not wanted and puts the namespace in.
"""
