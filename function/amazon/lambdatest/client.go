package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Invoke invokes a function as any caller would, over HTTP, and waits for its answer. Where the function failed,
// functionError is what Lambda sets (Unhandled) and payload the error as JSON. err is a *ServiceError where Lambda
// refused, and otherwise tells that no answer came; when ctx ends, the invocation goes on without its caller.
func (l *Lambda) Invoke(ctx context.Context, name string, event []byte) (payload []byte, functionError string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.invokeURL(name), bytes.NewReader(event))
	if err != nil {
		return nil, "", fmt.Errorf("invoke %q: %w", name, err)
	}
	response, err := l.client.Do(r)
	if err != nil {
		return nil, "", fmt.Errorf("invoke %q: %w", name, err)
	}
	defer response.Body.Close()
	payload, err = io.ReadAll(response.Body)
	if err != nil {
		return nil, "", fmt.Errorf("invoke %q: read the answer: %w", name, err)
	}
	if response.StatusCode != http.StatusOK {
		var body struct{ Message string } // encoding/json takes message for it too
		json.Unmarshal(payload, &body)    // what cannot be read leaves the code alone
		return nil, "", fmt.Errorf("invoke %q: %w", name,
			&ServiceError{response.StatusCode, response.Header.Get("X-Amzn-ErrorType"), body.Message})
	}
	return payload, response.Header.Get("X-Amz-Function-Error"), nil
}
