"""Repositories of pinned files: sources and the packages of the SDK.

The fetcher is packages/cmd/fetch, run by the pinned Go SDK: it needs the
standard library only, and what it fetched once it keeps in the user's cache.
"""

load("//packages:sources.bzl", "SOURCES")

def _go_run(ctx, args):
    """Runs a program of this tree by the pinned Go SDK."""
    home = ctx.getenv("HOME") or "/root"
    cache = (ctx.getenv("XDG_CACHE_HOME") or home + "/.cache") + "/slipway"
    result = ctx.execute(
        [ctx.path(ctx.attr._go), "run"] + args,
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

def _fetch(ctx, list, output):
    _go_run(ctx, ["./packages/cmd/fetch", "--list", list, "--output", output])

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

def _go_modules_impl(ctx):
    ctx.report_progress("fetching Go modules")
    _go_run(ctx, [
        "./packages/cmd/gomodules",
        "--go",
        ctx.path(ctx.attr._go),
        "--mod",
        ctx.path(ctx.attr.go_mod),
        "--sum",
        ctx.path(ctx.attr.go_sum),
        "--output",
        ctx.path("modules.tar"),
    ])
    version = ""
    for line in ctx.read(ctx.attr.go_mod).splitlines():
        words = line.strip().removeprefix("require ").split(" ")
        if words[0] == ctx.attr.module and len(words) > 1:
            version = words[1]
    if not version:
        fail("{}: {} does not require {}".format(ctx.name, ctx.attr.go_mod, ctx.attr.module))
    ctx.file("BUILD.bazel", """load("@slipway//packages/private:source.bzl", "source")

source(
    name = {name},
    archives = ["modules.tar"],
    debian_version = "",
    version = {version},
    visibility = ["//visibility:public"],
)
""".format(name = repr(ctx.name), version = repr(version.removeprefix("v"))))

go_modules = repository_rule(
    implementation = _go_modules_impl,
    doc = "The modules of a package's go.mod, checked against its go.sum.",
    attrs = dict(_GO, **{
        "go_mod": attr.label(mandatory = True),
        "go_sum": attr.label(mandatory = True),
        "module": attr.string(mandatory = True, doc = "Module whose version is the package's."),
    }),
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
