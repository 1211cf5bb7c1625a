package photo

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The keys of the renditions: the most that the longer side measures, in pixels.
const (
	Large  = 2048
	Medium = 1024
	Small  = 320
)

// Name is where a rendition is stored: photos/{photoID}/{size}-{sha256}. The
// photo's id keeps equal files of different photos apart, so that masking or
// erasing one touches no other; the hash makes the name immutable.
func Name(photoID string, size int, sha256 string) string {
	return fmt.Sprintf("photos/%s/%d-%s", photoID, size, sha256)
}

// Prefix begins the names of all renditions of a photo, and of no other's.
func Prefix(photoID string) string { return "photos/" + photoID + "/" }

// UnmaskedName is where the picture lies that was there before its photo was
// masked, where it is kept: beside the renditions of the folder, under a prefix of
// its own that no public address reaches. It is a rendition of [Large].
func UnmaskedName(folder, sha256 string) string {
	return fmt.Sprintf("%s%d-%s", UnmaskedPrefix(folder), Large, sha256)
}

// UnmaskedPrefix begins the names of what [UnmaskedName] names for a folder.
func UnmaskedPrefix(folder string) string { return "unmasked/" + folder + "/" }

// ParseUnmaskedName returns the folder that [UnmaskedName] put into a name.
func ParseUnmaskedName(name string) (folder string, ok bool) {
	rest, ok := strings.CutPrefix(name, "unmasked/")
	if !ok {
		return "", false
	}
	folder, _, _, ok = ParseName("photos/" + rest)
	return folder, ok
}

var namePattern = regexp.MustCompile(`^photos/([a-z0-9][a-z0-9_-]*)/([1-9][0-9]{0,4})-([0-9a-f]{64})$`)

// ParseName takes a name apart as [Name] put it together. It accepts sizes that
// are not, or no longer, made; ok is false for any other name.
func ParseName(name string) (photoID string, size int, sha256 string, ok bool) {
	m := namePattern.FindStringSubmatch(name)
	if m == nil {
		return "", 0, "", false
	}
	size, err := strconv.Atoi(m[2])
	return m[1], size, m[3], err == nil
}
