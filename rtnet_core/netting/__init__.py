"""Obligations and positions of many parties, reduced to what their nets and their risk need."""
