"""Repositories of pinned files: sources and the packages of the SDK.

The fetcher is packages/cmd/fetch, run by the pinned Go SDK: it needs the
standard library only, and what it fetched once it keeps in the user's cache.
"""

load("//packages:sources.bzl", "SOURCES")

def _fetch(ctx, list, output):
    home = ctx.getenv("HOME") or "/root"
    cache = (ctx.getenv("XDG_CACHE_HOME") or home + "/.cache") + "/slipway"
    result = ctx.execute(
        [ctx.path(ctx.attr._go), "run", "./packages/cmd/fetch", "--list", list, "--output", output],
        working_directory = str(ctx.workspace_root),
        environment = {
            "CGO_ENABLED": "0",
            "GOCACHE": cache + "/gocache",
            "GOFLAGS": "-mod=readonly",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
        },
        timeout = 3600,
        quiet = False,
    )
    if result.return_code != 0:
        fail("{}: fetching pinned files failed; the reason stands above".format(ctx.name))

def _pinned_files_impl(ctx):
    ctx.report_progress("fetching")
    ctx.file("files.json", ctx.attr.files)
    _fetch(ctx, ctx.path("files.json"), ctx.path("."))
    ctx.file("BUILD.bazel", """load("@slipway//packages/private:source.bzl", "source")

source(
    name = {name},
    archives = {archives},
    debian_version = {debian_version},
    version = {version},
    visibility = ["//visibility:public"],
)
""".format(
        name = repr(ctx.attr.target),
        archives = repr(ctx.attr.archives),
        debian_version = repr(ctx.attr.debian_version),
        version = repr(ctx.attr.version),
    ))

_GO = {"_go": attr.label(default = "@go_toolchain//:bin/go")}

_pinned_files = repository_rule(
    implementation = _pinned_files_impl,
    doc = "Files of one entry of the table of pins.",
    attrs = dict(_GO, **{
        "archives": attr.string_list(),
        "debian_version": attr.string(),
        "files": attr.string(doc = "The fetcher's list, JSON."),
        "target": attr.string(),
        "version": attr.string(),
    }),
)

def _sdk_repository_impl(ctx):
    ctx.report_progress("fetching the SDK's packages")
    _fetch(ctx, ctx.path(ctx.attr.lock), ctx.path("debs"))
    ctx.file("BUILD.bazel", """filegroup(
    name = "packages",
    srcs = glob(["debs/*.deb"]),
    visibility = ["//visibility:public"],
)
""")

sdk_repository = repository_rule(
    implementation = _sdk_repository_impl,
    doc = "The packages of the SDK's lock.",
    attrs = dict(_GO, **{"lock": attr.label(mandatory = True)}),
)

def _basename(path):
    return path.split("/")[-1]

def _declare(repository, name, pin, files, urls):
    list = [
        {"path": f.path, "size": f.size, "sha256": f.sha256, "output": _basename(f.path), "urls": urls, "pin": name}
        for f in files
    ]
    _pinned_files(
        name = repository,
        archives = [_basename(f.path) for f in files],
        debian_version = pin.debian,
        files = json.encode({"files": list}),
        target = repository,
        version = pin.version,
    )

def source_repositories():
    """Declares the repositories of //packages:sources.bzl.

    Each entry gives src_NAME with upstream's tarballs, and debian_NAME with
    Debian's packaging, which is fetched only where a recipe applies its patches.
    """
    for name, pin in SOURCES.items():
        _declare("src_" + name, name, pin, pin.files, pin.urls)
        if pin.debian_files:
            _declare("debian_" + name, name, pin, pin.debian_files, [])
