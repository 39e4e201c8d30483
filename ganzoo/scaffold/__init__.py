"""What ``ganzoo new`` writes: a recipe, or a plugin that works before its author changes a line.

``templates/`` is itself a plugin, with one component of every kind and the namespace ``acme``;
`plugin_files` leaves out the kinds that are not wanted and puts the namespace in.
"""
