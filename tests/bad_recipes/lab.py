"""A plugin whose components are each wrong in one way, for recipes that name them."""

from ganzoo.api import hookimpl


@hookimpl
def register_generators(register):
    register("flat", "ganzoo_lab_parts:Flat")
    register("crashing", "ganzoo_lab_parts:Crashing")


@hookimpl
def register_losses(register):
    register("classy", "ganzoo_lab_parts:Classy")
    register("failing", "ganzoo_lab_parts:Failing")
    register("termless", "ganzoo_lab_parts:Termless")
