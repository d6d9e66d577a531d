package settings

import (
	"errors"
	"strings"
)

// Kernel is the group kernel.
type Kernel struct {
	Lockdown Lockdown              `json:"lockdown,omitempty" doc:"How far the kernel is closed to root: integrity keeps root from changing it, confidentiality from reading it too. It can be raised while the host runs, and lowered by a reboot only. Above none, the kernel loads signed modules only." default:"\"none\"" example:"\"confidentiality\""`
	Sysctl   map[SysctlKey]Line    `json:"sysctl,omitempty" doc:"Parameters of the kernel by their names under /proc/sys, with dots or slashes. Values are text, also those that are numbers." size:"512"`
	Modules  map[ModuleName]Module `json:"modules,omitempty" doc:"Kernel modules by name." size:"256"`
}

// Lockdown is a mode of the kernel's lockdown.
type Lockdown string

// The modes.
const (
	LockdownNone            Lockdown = "none"
	LockdownIntegrity       Lockdown = "integrity"
	LockdownConfidentiality Lockdown = "confidentiality"
)

// Rule says what a Lockdown takes.
func (Lockdown) Rule() Rule {
	return Rule{Enum: []string{"none", "integrity", "confidentiality"}}
}

// SysctlKey names a parameter of the kernel: a path under /proc/sys, with dots
// or slashes.
type SysctlKey string

// Path is the parameter's path under /proc/sys. As sysctl(8) does, the first
// separator tells: after a slash, dots are part of names.
func (k SysctlKey) Path() string {
	s := string(k)
	if i := strings.IndexAny(s, "./"); i < 0 || s[i] == '/' {
		return s
	}
	swap := strings.NewReplacer(".", "/", "/", ".")
	return swap.Replace(s)
}

// Rule says what a SysctlKey takes.
func (SysctlKey) Rule() Rule {
	return Rule{
		Expected:  "a sysctl such as net.ipv4.ip_forward: 1 to 128 letters, digits and ./_-",
		Pattern:   `^[A-Za-z0-9_-][A-Za-z0-9./_-]*$`,
		MinLength: 1, MaxLength: 128,
		Check: func(s string) error {
			// A path must not lead out of /proc/sys, nor name a folder.
			for _, part := range strings.Split(SysctlKey(s).Path(), "/") {
				if part == "" || part == "." || part == ".." {
					return errors.New("has an empty part")
				}
			}
			if strings.Contains(s, "..") {
				return errors.New(`has ".." in it`)
			}
			return nil
		},
	}
}

// ModuleName is the name of a kernel module.
type ModuleName string

// Rule says what a ModuleName takes; MODULE_NAME_LEN bounds it.
func (ModuleName) Rule() Rule {
	return Rule{
		Expected: "1 to 56 letters, digits, _ and -", Pattern: `^[A-Za-z0-9_-]+$`, MinLength: 1, MaxLength: 56,
	}
}

// Module is kernel.modules.NAME.
type Module struct {
	Allowed  *bool `json:"allowed,omitempty" doc:"Whether the module may be loaded." default:"true"`
	Autoload *bool `json:"autoload,omitempty" doc:"Load it at boot." default:"false" example:"true"`
}

// Boot is the group boot: Bottlerocket's settings of the kernel's command line,
// which is part of a signed file here.
type Boot struct {
	KernelParameters map[BootKey][]BootValue `json:"kernel-parameters,omitempty" doc:"Parameters of the kernel." refused:"the kernel's command line is signed together with the kernel; name the parameter in \"cmdline\" of the variant and build it, or use kernel.sysctl if there is one"`
	InitParameters   map[BootKey][]BootValue `json:"init-parameters,omitempty" doc:"Parameters of systemd." refused:"the kernel's command line is signed together with the kernel; name the parameter in \"cmdline\" of the variant and build it"`
	Reboot           *bool                   `json:"reboot-to-reconcile,omitempty" doc:"Restart when the parameters have changed." refused:"no parameter of the kernel can be changed on the host, so there is nothing to reconcile; remove the setting"`
}

// BootKey is the name of a parameter.
type BootKey string

// Rule says what a BootKey takes.
func (BootKey) Rule() Rule {
	return Rule{
		Expected: "words of letters, digits, _ and -, between dots", Pattern: `^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`,
		MinLength: 1, MaxLength: 128,
	}
}

// BootValue is a value of a parameter.
type BootValue string

// Rule says what a BootValue takes.
func (BootValue) Rule() Rule {
	return Rule{Expected: "printable ASCII", Pattern: `^[ -~]*$`, MaxLength: 1024}
}
