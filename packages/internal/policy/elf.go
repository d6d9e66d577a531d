package policy

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// protectorFloor is the size of .text in bytes from which a file is expected to
// hold at least one function that needs a stack protector. Smaller files may
// have none.
const protectorFloor = 32 << 10

func checkELF(p Package, own map[string]bool, data []byte, add func(check, format string, args ...any)) error {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("reading ELF: %w", err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 {
		add("arch", "is for %v %v, want %v", f.Class, f.Machine, elf.EM_X86_64)
	}
	if f.Type == elf.ET_REL {
		return nil // objects and archives' members are linked later
	}
	if f.Type == elf.ET_EXEC {
		add("pie", "is not position independent")
	}
	checkSegments(f, add)
	checkDynamic(p, own, f, add)
	return nil
}

func checkSegments(f *elf.File, add func(check, format string, args ...any)) {
	relro := false
	for _, s := range f.Progs {
		switch s.Type {
		case elf.PT_GNU_RELRO:
			relro = true
		case elf.PT_GNU_STACK:
			if s.Flags&elf.PF_X != 0 {
				add("exec-stack", "asks for an executable stack")
			}
		}
	}
	if !relro {
		add("relro", "has no RELRO segment")
	}
}

func checkDynamic(p Package, own map[string]bool, f *elf.File, add func(check, format string, args ...any)) {
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		if paths, _ := f.DynString(tag); len(paths) > 0 {
			add("rpath", "has %v %q", tag, paths)
		}
	}
	needed, err := f.ImportedLibraries()
	if err != nil || f.Section(".dynamic") == nil {
		return
	}
	for _, lib := range needed {
		if !own[lib] && !p.Libraries[lib] {
			add("needed", "needs %s, which neither this package nor its deps hold", lib)
		}
	}
	if text := f.Section(".text"); text == nil || text.Size < protectorFloor {
		return
	}
	symbols, err := f.ImportedSymbols()
	if err != nil {
		return
	}
	for _, s := range symbols {
		if s.Name == "__stack_chk_fail" {
			return
		}
	}
	add("stack-protector", "has no use of __stack_chk_fail")
}
