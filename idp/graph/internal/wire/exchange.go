package wire

import (
	"io"
	"net/http"
)

// maxBody bounds every answer, counted after decompression. The longest are eleven thousand ids, half as long.
const maxBody = 1 << 20

// Answer is what came back, whatever its status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Exchange sends a request to who and reads the whole answer.
func Exchange(client *http.Client, request *http.Request, who string) (Answer, *Problem) {
	response, err := client.Do(request) //nolint:gosec // G704: the address lies on a host of the settings, see the callers
	if err != nil {
		return Answer{}, unreached(who, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return Answer{}, unreached(who, err)
	}
	if len(body) > maxBody {
		return Answer{}, Misread(who, "the answer is longer than any should be")
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}
