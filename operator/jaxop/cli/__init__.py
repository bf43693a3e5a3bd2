"""`jaxop`, and as a kubectl plugin `kubectl jax`: the same program.

For: telling a person, in a terminal or in the log of a CI run, what the cluster knows. It reads
and never writes. Must not know: how a decision is made; what it shows is in the status.

    main       commands, flags and exit codes
    fetch      one JaxJob with its pods and events
    explain    what is known -> lines of text; pure, as are all below
    story      the timeline, and each restart
    budget     what the restart policy still allows
    costs      what the time was spent on
    advice     what to do about each cause and reason
    wording    spans, tables, line breaks
"""

from jaxop.cli.main import main

__all__ = ["main"]
