package gpt

import "encoding/binary"

// protectiveMBR returns sector 0 of a GPT disk (UEFI 5.2.3).
func protectiveMBR(sectors uint64) []byte {
	b := make([]byte, SectorSize)
	e := b[446:462]
	copy(e[1:4], []byte{0x00, 0x02, 0x00}) // StartingCHS
	e[4] = 0xee                            // OSType: GPT protective
	copy(e[5:8], []byte{0xff, 0xff, 0xff}) // EndingCHS
	binary.LittleEndian.PutUint32(e[8:], 1)
	binary.LittleEndian.PutUint32(e[12:], uint32(min(sectors-1, 0xffffffff)))
	b[510], b[511] = 0x55, 0xaa
	return b
}
