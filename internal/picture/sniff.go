package picture

import (
	"bytes"
	"strings"
)

const (
	// sniffed is how much of a file is looked at to know what it is: a PDF may begin
	// anywhere in there.
	sniffed    = 1024
	jpegBegins = "\xff\xd8\xff"
	pngBegins  = "\x89PNG\r\n\x1a\n"
)

// others are kinds of files that are refused by their name, by how they begin.
var others = []struct{ begins, name string }{
	{"GIF8", "a GIF"}, {"BM", "a BMP"}, {"II*\x00", "a TIFF or a raw photo"}, {"MM\x00*", "a TIFF or a raw photo"}, {"PK\x03\x04", "an archive or a document of an office"},
	{"\x00\x00\x01\x00", "an icon"}, {"\x1f\x8b", "a compressed file"}, {"\x7fELF", "a program"}, {"MZ", "a program"}, {"\xff\x0a", "a JPEG XL"},
	{"\x00\x00\x00\x0cJXL ", "a JPEG XL"},
}

// within are what no picture has at its beginning: programs that look for it there take the
// file for something else.
var within = []struct{ text, name string }{
	{"%pdf-", "a PDF"}, {"<svg", "an SVG drawing"}, {"<!doctype", "a web page"}, {"<html", "a web page"}, {"<script", "a web page"}, {"<?php", "a program"},
}

// sniff refuses what is no JPEG or PNG by its name, and what is something else besides.
func sniff(first []byte) error {
	lower := bytes.ToLower(first)
	for _, w := range within {
		if bytes.Contains(lower, []byte(w.text)) {
			return notTaken(w.name)
		}
	}
	text := string(first)
	if strings.HasPrefix(text, jpegBegins) || strings.HasPrefix(text, pngBegins) {
		return nil
	}
	if len(text) >= 12 && text[4:8] == "ftyp" {
		return notTaken(brand(text[8:12]))
	}
	if strings.HasPrefix(text, "RIFF") && len(text) >= 12 && text[8:12] == "WEBP" {
		return notTaken("a WebP picture")
	}
	for _, o := range others {
		if strings.HasPrefix(text, o.begins) {
			return notTaken(o.name)
		}
	}
	return notTaken("no picture that is known")
}

func notTaken(name string) error {
	return refused(NoPicture, "This is %s; send a JPEG or PNG picture.", name)
}

// brand names what a file of the family of MP4 is.
func brand(four string) string {
	switch four {
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
		return "a HEIC picture, as iPhones save them"
	case "avif", "avis":
		return "an AVIF picture"
	case "crx ":
		return "a raw photo"
	}
	return "a video"
}
