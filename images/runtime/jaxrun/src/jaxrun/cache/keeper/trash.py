"""Removes what is in the trash, however deep, a bounded piece at a time.

A directory inside a directory is first moved up into the trash itself. So there is no recursion, no
path that grows too long, and every piece of work is small.
"""

import os
from pathlib import Path

from jaxrun.cache.files import Tick, no_tick, open_directory
from jaxrun.cache.layout import temporary_name


class Trash:
    """What cannot be removed is left alone until the keeper starts again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stuck: set[str] = set()

    def take(self, name: str, directory: int) -> bool:
        """Move a directory in `directory`, a descriptor, to the trash; False if it cannot be."""
        try:
            os.rename(name, self.path / temporary_name(), src_dir_fd=directory)
        except FileNotFoundError:
            return True
        except PermissionError:
            # Another user's, and not to be written: only an empty one can be removed.
            try:
                os.rmdir(name, dir_fd=directory)
            except OSError:
                return False
        return True

    def empty(self, most: int, tick: Tick = no_tick) -> int:
        """Remove or move up to `most` files and directories; how many it were.

        Raises:
            OSError: the volume cannot be read or written.
        """
        done, before = 0, -1
        while before < done < most:
            before = done
            with os.scandir(self.path) as found:
                tops = [each.name for each in found if each.name not in self.stuck]
            for top in tops:
                if done >= most:
                    break
                tick()
                done += self._remove(top, most - done)
        return done

    def _remove(self, top: str, most: int) -> int:
        try:
            descriptor = open_directory(self.path / top)
        except NotADirectoryError:
            (self.path / top).unlink(missing_ok=True)
            return 1
        except FileNotFoundError:
            return 0
        except PermissionError:
            self.stuck.add(top)
            return 0
        done = 0
        try:
            with os.scandir(descriptor) as found:
                for each in found:
                    if done >= most:
                        return done
                    done += 1
                    if each.is_dir(follow_symlinks=False):
                        if not self.take(each.name, descriptor):
                            self.stuck.add(top)
                    else:
                        self._unlink(each.name, descriptor)
        except PermissionError:
            self.stuck.add(top)
            return done
        finally:
            os.close(descriptor)
        if top not in self.stuck:
            try:
                (self.path / top).rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                # Somebody else still writes there, or moved it up before.
                return done
        return done + 1

    @staticmethod
    def _unlink(name: str, directory: int) -> None:
        try:
            os.unlink(name, dir_fd=directory)
        except FileNotFoundError:
            return
