package hasura

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// pathElement is one step of v2's JSON paths: .name, [42], ["name"] or ['name'].
var pathElement = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`^\.?(?:([\pL_][\pL0-9_-]*)|\[(?:([0-9]+)|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\])`)
})

// parseJSONPath reads v2's JSON path, in which "$" alone is the root.
func parseJSONPath(path string) ([]string, error) {
	steps := []string{}
	rest := strings.TrimPrefix(path, "$")
	for m := pathElement().FindStringSubmatch(rest); m != nil; m = pathElement().FindStringSubmatch(rest) {
		rest = rest[len(m[0]):]
		step := m[1] + m[2]
		if step == "" {
			quoted := m[3] + strings.ReplaceAll(strings.ReplaceAll(m[4], `\'`, `'`), `"`, `\"`)
			if json.Unmarshal([]byte(`"`+quoted+`"`), &step) != nil {
				return nil, say("%s. Invalid JSON string", path)
			}
		}
		steps = append(steps, step)
	}
	if path == "" || rest != "" {
		return nil, say("%s. Accept letters, digits, underscore (_) or hyphen (-) only", path)
	}
	return steps, nil
}

// parsePointer reads a JSON pointer (RFC 6901), as v3 names places.
func parsePointer(pointer string) ([]string, error) {
	if pointer == "" {
		return []string{}, nil
	}
	if pointer[0] != '/' {
		return nil, say("json pointer %q is malformed due to missing starting slash", pointer)
	}
	steps := strings.Split(pointer[1:], "/")
	for i, s := range steps {
		steps[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return steps, nil
}

// lookup walks through objects by name and arrays by decimal index.
func lookup(v any, path []string) (any, bool) {
	for _, step := range path {
		switch node := v.(type) {
		case map[string]any:
			next, ok := node[step]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) || strconv.Itoa(i) != step {
				return nil, false
			}
			v = node[i]
		default:
			return nil, false
		}
	}
	return v, true
}
