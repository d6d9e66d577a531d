"""Repository rules that fetch the rule sets and the Go SDK, each checked by a hash.

Go modules come through the module proxy that the user's Go is set to; Debian
packages come from the archive in $DEBIAN_MIRROR or in apt's configuration.
"""

def _run(ctx, args, **kwargs):
    """Runs a command and returns its stdout, or stops with its stderr."""
    result = ctx.execute(args, timeout = 3600, **kwargs)
    if result.return_code != 0:
        fail("{}: {}\n{}{}".format(ctx.name, " ".join([str(a) for a in args]), result.stdout, result.stderr))
    return result.stdout.strip()

def _extract_module(ctx, module, version, sum, output):
    """Fetches one Go module into the folder output and checks its h1: sum."""
    id = "{}@{}".format(module, version)
    ctx.report_progress("fetching " + id)
    _run(ctx, [ctx.path(ctx.attr._fetch), module, version, ctx.path("module.zip")])
    ctx.extract("module.zip", output = output, stripPrefix = id)
    ctx.delete("module.zip")
    found = _run(ctx, [ctx.path(ctx.attr._sum), ctx.path(output or "."), id])
    if found != sum:
        fail("{}: {} has the wrong sum\n  expected {}\n  found    {}\nDelete it from the Go module cache and check GOPROXY.".format(ctx.name, id, sum, found))

def _go_module_impl(ctx):
    _extract_module(ctx, ctx.attr.module, ctx.attr.version, ctx.attr.sum, "")
    for folder, pin in ctx.attr.nested.items():
        module, version, sum = pin.split(" ")
        _extract_module(ctx, module, version, sum, folder)

    # A module zip keeps no execute bits.
    _run(ctx, ["find", ".", "-name", "*.sh", "-exec", "chmod", "+x", "{}", "+"])
    for folder in ctx.attr.executable_folders:
        _run(ctx, ["chmod", "-R", "a+x", folder])
    for file, lines in ctx.attr.drop_lines.items():
        text = ctx.read(file)
        for line in lines:
            if line + "\n" not in text:
                fail("{}: no line {} in {}".format(ctx.name, repr(line), file))
            text = text.replace(line + "\n", "")
        ctx.file(file, text, executable = False)
    ctx.file("WORKSPACE", "workspace(name = {})\n".format(repr(ctx.name)), executable = False)
    if not ctx.path("BUILD.bazel").exists:
        ctx.file("BUILD.bazel", executable = False)

go_module = repository_rule(
    implementation = _go_module_impl,
    doc = "The files of a Go module, with their own BUILD files, as a repository.",
    attrs = {
        "module": attr.string(mandatory = True, doc = "Module path, in lower case."),
        "version": attr.string(mandatory = True),
        "sum": attr.string(mandatory = True, doc = "The module's h1: sum, as in go.sum."),
        "nested": attr.string_dict(doc = "Folder -> 'MODULE VERSION SUM' of a module that belongs there."),
        "executable_folders": attr.string_list(doc = "Folders whose files are programs."),
        "drop_lines": attr.string_list_dict(doc = "File -> whole lines to take out of it."),
        "_fetch": attr.label(default = "//packages/private/bazel:modfetch.sh"),
        "_sum": attr.label(default = "//packages/private/bazel:modsum.sh"),
    },
)

def _debian_rules_impl(ctx):
    ctx.report_progress("fetching " + ctx.attr.path)
    _run(ctx, [ctx.path(ctx.attr._fetch), ctx.attr.path, ctx.attr.sha256, ctx.path("package.deb")])
    ctx.extract("package.deb", output = "package")
    ctx.extract("package/data.tar.xz", stripPrefix = "usr/share/bazel/" + ctx.attr.folder)
    ctx.delete("package")
    ctx.delete("package.deb")
    for file in ["WORKSPACE.bazel", "WORKSPACE.bzlmod", "MODULE.bazel"]:
        ctx.delete(file)
    ctx.file("WORKSPACE", "workspace(name = {})\n".format(repr(ctx.name)), executable = False)

debian_rules = repository_rule(
    implementation = _debian_rules_impl,
    doc = "A Bazel rule set from a Debian package.",
    attrs = {
        "path": attr.string(mandatory = True, doc = "Path of the .deb below the archive's top."),
        "sha256": attr.string(mandatory = True),
        "folder": attr.string(mandatory = True, doc = "Where the package keeps the files, below usr/share/bazel."),
        "_fetch": attr.label(default = "//packages/private/bazel:debfetch.sh"),
    },
)
