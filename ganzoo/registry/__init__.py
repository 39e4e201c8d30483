"""What is installed: discovery of plugins, their registrations, names, broken plugins."""
