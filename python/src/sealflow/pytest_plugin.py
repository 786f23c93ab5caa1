"""pytest plugin: lets tests import component files where `kfp` is not installed."""

from sealflow import kfp_shim

kfp_shim.add_to_path()
