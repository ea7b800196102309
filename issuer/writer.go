package issuer

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// usualPayload has room for the claims of most callers, in bytes.
const usualPayload = 1 << 10

// writer writes JSON and keeps the first error: a text that is no UTF-8. Its caller closes what it opens and gives each
// member of an object another name. Those of claims are fixed, keys of a map, or settings that were held against the fixed ones.
type writer struct {
	doc []byte
	err error
}

func newWriter() *writer { return &writer{doc: make([]byte, 0, usualPayload)} }

// open begins an object or a list.
func (w *writer) open(bracket byte) { w.doc = append(w.doc, bracket) }

// close ends one.
func (w *writer) close(bracket byte) { w.doc = append(w.doc, bracket) }

// name writes a member's name, with what separates it from the member before.
func (w *writer) name(name string) {
	w.next()
	w.value(name)
	w.doc = append(w.doc, ':')
}

func (w *writer) next() {
	if last := w.doc[len(w.doc)-1]; last != '{' && last != '[' {
		w.doc = append(w.doc, ',')
	}
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.value(value)
}

func (w *writer) number(name string, value int64) {
	w.name(name)
	w.doc = strconv.AppendInt(w.doc, value, 10)
}

func (w *writer) list(items []string) {
	w.open('[')
	for _, item := range items {
		w.next()
		w.value(item)
	}
	w.close(']')
}

func (w *writer) value(text string) {
	doc, err := jsontext.AppendQuote(w.doc, text)
	w.doc = doc
	w.fail(err)
}

func (w *writer) fail(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("a text that no token may hold: %w", err)
	}
}

func (w *writer) bytes() ([]byte, error) { return w.doc, w.err }
