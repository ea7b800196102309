package wire

import "github.com/google/uuid"

// guidLength is that of the one spelling of a GUID that Entra uses; uuid.Parse knows several of other lengths.
const guidLength = 36

// GUID reads a GUID, in any case. Its String is in lower case.
func GUID(text string) (uuid.UUID, bool) {
	if len(text) != guidLength {
		return uuid.UUID{}, false
	}
	id, err := uuid.Parse(text)
	return id, err == nil
}

// Trace returns the id of a request as Microsoft's support knows it, or "" when text is none.
func Trace(text string) string {
	if id, ok := GUID(text); ok {
		return id.String()
	}
	return ""
}
