// Package names puts the names of things in strangers' files into errors.
package names

import "fmt"

// Listed lists the first names, each cut where it gets long and with whatever
// cannot be printed escaped; nothing stands for none.
func Listed(names []string, nothing string) string {
	if len(names) == 0 {
		return nothing
	}
	const most = 20
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return fmt.Sprintf("%.100q", names) + more
}
