"""``albumsort model``: the command group. Each command has its own module."""

from __future__ import annotations

import logging

import typer

from albumsort.cli.command import add_command, keep_options
from albumsort.cli.help import Group
from albumsort.cli.model.compare import compare
from albumsort.cli.model.convert import convert
from albumsort.cli.model.curves import curves
from albumsort.cli.model.data import data
from albumsort.cli.model.evaluate import evaluate
from albumsort.cli.model.export import export
from albumsort.cli.model.info import info
from albumsort.cli.model.look import look
from albumsort.cli.model.recipes import recipes
from albumsort.cli.model.train import train
from albumsort.cli.model.tune import tune
from albumsort.cli.model.use import use

app = typer.Typer(
    cls=Group,
    help="Measure, explain, tune or train the emotion model.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


app.callback()(keep_options)
for panel, commands in {
    "The model in use": (info, use, tune, export, convert),
    "Measure and explain": (evaluate, look, data),
    "Train another one": (recipes, train, compare, curves),
}.items():
    for command in commands:
        add_command(app, command, level=logging.INFO, panel=panel)
