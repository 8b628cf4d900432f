"""Measures Taskline against what it is to replace; each program prints its figures and keeps them as JSON."""
