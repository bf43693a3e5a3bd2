"""`python -m jaxrun`, and then `launch -- COMMAND...`, `serve ENTRY`, `install DIRECTORY`, `keep`."""

import sys

_USAGE = """usage: jaxrun launch -- COMMAND [ARGUMENT...]   run the program as one of its gang
       jaxrun serve MODULE:FACTORY   serve the model that the factory returns
       jaxrun inspect             say which JAX this image has, and what that finds here
       jaxrun install DIRECTORY   put the runtime there, for other images
       jaxrun keep                look after the volume of a compile cache
       jaxrun version
"""


def main(arguments: list[str] | None = None) -> None:
    """Entry point; exits 2 on wrong usage."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:2] == ["launch", "--"] and len(words) > 2:
        from jaxrun.launch import launch

        launch(words[2:])
    elif words[:1] == ["serve"]:
        # Reached where jaxrun is a package like others; the installed script starts it itself.
        from jaxrun.serve.__main__ import main as serve

        serve(words[1:])
    elif words == ["inspect"]:
        from jaxrun.inspection import main as inspect

        sys.exit(inspect())
    elif words[:1] == ["install"] and len(words) == 2:
        from jaxrun.install import main as install

        sys.exit(install(words[1]))
    elif words == ["keep"]:
        from jaxrun.cache.keeper.keep import keep

        sys.exit(keep())
    elif words == ["version"]:
        from jaxrun import __version__

        sys.stdout.write(f"{__version__}\n")
    else:
        sys.stderr.write(_USAGE)
        sys.exit(2)


if __name__ == "__main__":
    main()
