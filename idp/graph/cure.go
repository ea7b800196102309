package graph

// Codes of Graph that more than a hint hangs on.
const (
	codeNotFound = "Request_ResourceNotFound"
	codeTooMany  = "Directory_ResultSizeLimitExceeded"
)

const (
	permissions = "grant our app the application permissions GroupMember.Read.All and User.Read.All (for apps as " +
		"callers also Application.Read.All) of Microsoft Graph, with an administrator's consent, in the caller's tenant"
	sameCloud = "check that the authority and the Graph URL belong to the same cloud, and this machine's clock"
)

// cures say what to do about a code of Graph.
var cures = map[string]string{
	"Authorization_RequestDenied":    permissions,
	"Authorization_IdentityNotFound": "our app is not in the caller's tenant: give it an administrator's consent there",
	"InvalidAuthenticationToken":     sameCloud,
	codeNotFound: "the caller is not in the directory: just made, just deleted, or of another tenant than our app " +
		"asks about",
}

// letters returns code if it has the form that Graph's have. Nothing else of an answer gets into an error: words of
// letters are no token, since those have digits and dots.
func letters(code string) string {
	if len(code) > 64 {
		return ""
	}
	for _, c := range code {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' {
			return ""
		}
	}
	return code
}
