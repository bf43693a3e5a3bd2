"""`jaxop`, and as a kubectl plugin `kubectl jax`: the same program.

For: telling a person, in a terminal or in the log of a CI run, what the cluster knows. It reads,
and writes only what the user asks for, with the user's own rights. Must not know: how a decision is
made; what it shows is in the status.

    main             commands, flags and exit codes
    cluster          the cluster that a command talks to
    fetch            one JaxJob with its pods and events
    fetch_service    one JaxService with its revisions, pods and events
    rollback         an earlier revision of a JaxService, written into its spec again
    explain          what is known of a JaxJob -> lines of text; pure, as are all below
    explain_service  the same of a JaxService
    story            the timeline, and each restart
    budget           what the restart policy still allows
    costs            what the time was spent on
    compilation      what was compiled, and what the cache had
    pods             what is wrong with a pod
    event_lines      Kubernetes Events
    advice           what to do about each cause and each reason of a JaxJob
    service_advice   the same for a JaxService
    wording          spans, tables, line breaks
"""

from jaxop.cli.main import main

__all__ = ["main"]
