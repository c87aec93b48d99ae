"""Who emits which neutrinos, and when they arrive.

A :class:`Source` is a flavour with a spectrum and arrival times, a :class:`Flux` the sources of an
experiment; pion decay at rest and reactors are ready-made fluxes.
"""
