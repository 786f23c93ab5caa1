"""Types that component code imports from `kfp.dsl.types`."""
