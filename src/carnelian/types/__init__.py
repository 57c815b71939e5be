"""The types of values: importing this package registers each, a folder with a module `type`."""

from os import path, scandir

for _folder in sorted(entry.name for entry in scandir(path.dirname(__file__)) if entry.is_dir()):
    if not _folder.startswith("_"):
        __import__(f"{__name__}.{_folder}.type")
