"""Which sources and kernels are taken from what the machine's apt tells."""

from __future__ import annotations

from oomsight_kernel_vm.apt import Package, Target, backports_sources, debian_sources, fetch_options, parse_kernels, parse_targets

MAIN = Target("Debian", "http://archive.example/debian/", "bookworm", "main")
SECURITY = Target("Debian-Security", "http://archive.example/security/", "bookworm-security", "main")
OTHER = Target("Other", "http://other.example/", "bookworm", "main")

SHOWN = """\
Package: linux-image-cloud-amd64
Version: 6.12.95-1~bpo12+1
Depends: linux-image-6.12.95+deb12-cloud-amd64 (= 6.12.95-1~bpo12+1)
Description: Linux for cloud
 Depends: of the text, not of the package

Package: linux-image-cloud-amd64
Version: 6.1.192-2
Depends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)

Package: linux-image-cloud-amd64
Version: 6.1.176-1
Depends: linux-image-6.1.0-50-cloud-amd64 (= 6.1.176-1)
"""


def test_targets_are_read_as_apt_prints_them() -> None:
    listing = "Debian\thttp://archive.example/debian/\tbookworm\tmain\n\nwarning: something else\n"
    assert parse_targets(listing) == (MAIN,)


def test_only_debians_own_sources_make_a_machine() -> None:
    assert debian_sources([MAIN, OTHER, SECURITY, MAIN]) == (
        "deb http://archive.example/debian/ bookworm main\ndeb http://archive.example/security/ bookworm-security main\n"
    )


def test_backports_come_from_the_same_archive_as_the_release() -> None:
    assert backports_sources([SECURITY, MAIN, OTHER]) == "deb http://archive.example/debian/ bookworm-backports main\n"


def test_a_machine_of_another_release_offers_nothing() -> None:
    assert debian_sources([Target("Debian", "http://archive.example/debian/", "trixie", "main")]) == ""
    assert backports_sources([SECURITY]) == ""


def test_the_newest_kernel_of_each_series_is_chosen() -> None:
    assert parse_kernels(SHOWN) == {
        "6.12": Package("linux-image-6.12.95+deb12-cloud-amd64", "6.12.95-1~bpo12+1"),
        "6.1": Package("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2"),
    }


def test_without_kernels_there_are_none() -> None:
    assert parse_kernels("") == {}


def test_a_machine_fetches_as_this_one_does() -> None:
    kept = 'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::Check-Date "false";\n'
    assert fetch_options(f'Acquire "";\nAcquire::cdrom::mount "/media";\n{kept}') == kept
