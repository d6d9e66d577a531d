package recipe

import (
	"fmt"
	"path/filepath"
)

// KernelArch is the kernel's name of the architecture that is built for.
const KernelArch = "x86_64"

// FragmentName is the name under InputDir of the i-th configuration fragment.
func (r *Recipe) FragmentName(i int) string {
	return fmt.Sprintf("fragment-%d-%s", i, filepath.Base(r.Fragments[i]))
}

// kernel configures Linux from nothing but the fragments, asserts that each
// option that they ask for took, and builds image and modules. The image is
// installed as usr/lib/modules/RELEASE/vmlinuz.
func kernel(r *Recipe, jobs int) []Phase {
	make := []string{"make", "-s", fmt.Sprintf("-j%d", jobs), "O=" + ObjectDir, "ARCH=" + KernelArch}
	with := func(args ...string) []string { return append(append([]string{}, make...), args...) }
	merge := []string{InputDir + "/kconfig", "merge", "--out", "/build/merged.config"}
	check := []string{InputDir + "/kconfig", "check", "--config", ObjectDir + "/.config"}
	for i := range r.Fragments {
		merge = append(merge, InputDir+"/"+r.FragmentName(i))
		check = append(check, InputDir+"/"+r.FragmentName(i))
	}
	if r.Require != "" {
		check = append(check, InputDir+"/require.config")
	}
	allno := append([]string{"env", "KCONFIG_ALLCONFIG=/build/merged.config"}, with("allnoconfig")...)
	return []Phase{
		{"configure", []Command{
			{"/build", merge},
			{SourceDir, allno},
			{SourceDir, check},
		}},
		{"build", []Command{{SourceDir, with("bzImage", "modules")}}},
		{"install", []Command{
			{SourceDir, with("modules_install", "INSTALL_MOD_PATH="+InstallDir+"/usr", "INSTALL_MOD_STRIP=1", "DEPMOD=/usr/sbin/depmod")},
			{SourceDir, []string{"sh", "-euc", "release=$(cat " + ObjectDir + "/include/config/kernel.release)\n" +
				"dir=" + InstallDir + "/usr/lib/modules/$release\n" +
				"install -D -m 0644 " + ObjectDir + "/arch/x86/boot/bzImage \"$dir/vmlinuz\"\n" +
				"install -m 0644 " + ObjectDir + "/.config \"$dir/config\"\n" +
				"rm -f \"$dir/build\" \"$dir/source\"\n"}},
		}},
	}
}
