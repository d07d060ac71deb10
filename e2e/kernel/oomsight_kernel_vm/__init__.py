"""Real kernels to test on: virtual machines with Debian's kernels, cgroup v2 and this project, built once and booted in seconds."""
