"""``upgrade completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from upgrader.cli.input.options import Spoken, global_options
from upgrader.model.errors import Exit


@click.command("completion", cls=Spoken)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@global_options
def completion(shell: str) -> int:
    """Print the completion script of a shell.

    \b
    source <(upgrade completion bash)
    """
    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(click.get_current_context().find_root().command, {}, "upgrade", "_UPGRADE_COMPLETE")
    click.echo(made.source())
    return Exit.OK
