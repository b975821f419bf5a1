package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation reads how a photo was held (EXIF 2.3, tag 0x0112): 1 to 8, and 1 where it is
// not told. It is all that is read of EXIF; nothing of it is kept.
func orientation(file []byte) int {
	for at := 2; at+4 <= len(file) && file[at] == 0xff; {
		marker, size := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
		if marker == 0xda || size < 2 || at+2+size > len(file) { // the picture itself begins
			return 1
		}
		segment := file[at+4 : at+2+size]
		if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return orientationOf(tiff)
		}
		at += 2 + size
	}
	return 1
}

// orientationOf reads the first directory of a TIFF.
func orientationOf(tiff []byte) int {
	const header, entry, tag, short = 8, 12, 0x0112, 3
	if len(tiff) < header {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 1
	}
	number := int64(order.Uint16(tiff[at:]))
	for at += 2; number > 0 && at+entry <= int64(len(tiff)); number, at = number-1, at+entry {
		if order.Uint16(tiff[at:]) == tag && order.Uint16(tiff[at+2:]) == short {
			if turn := int(order.Uint16(tiff[at+8:])); turn >= 1 && turn <= 8 {
				return turn
			}
			return 1
		}
	}
	return 1
}
