package main

import "os"

// heicDecoder is the command that decodes a HEIC: this program. On Linux that is
// the very file that is running, even after another version has taken its place.
func heicDecoder() []string {
	const running = "/proc/self/exe"
	if _, err := os.Stat(running); err == nil {
		return []string{running, decodeHEIC}
	}
	path, err := os.Executable()
	if err != nil {
		return nil // HEIC is refused then
	}
	return []string{path, decodeHEIC}
}
