package apiclient

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func (t *tool) rawCommand() *cobra.Command {
	var method, path, data string
	var verbose bool
	c := &cobra.Command{
		Use: "raw -u PATH", Short: "Send one request and print the answer's body",
		Long: `Sends one request and prints the answer's body. The exit code is 1 for an HTTP
status of 400 and up.`,
		Example: `  apiclient raw -u /settings?prefix=settings.ntp
  apiclient raw -m PATCH -u /settings -d '{"motd": "hi"}'
  apiclient raw -m PATCH -u /settings -d @settings.json
  apiclient raw -m POST -u /tx/commit_and_apply`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if !strings.HasPrefix(path, "/") {
				return usage(errors.New("-u PATH is needed and PATH starts with /"))
			}
			body, err := t.data(data)
			if err != nil {
				return fmt.Errorf("reading the data: %w", err)
			}
			res, err := t.client().Open(c.Context(), method, path, body)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			return t.print(res, verbose)
		},
	}
	f := c.Flags()
	f.StringVarP(&method, "method", "m", http.MethodGet, "HTTP method")
	f.StringVarP(&method, "request", "X", http.MethodGet, "another name of --method")
	f.Lookup("request").Hidden = true
	f.StringVarP(&path, "uri", "u", "", "path with query")
	f.StringVarP(&data, "data", "d", "", "what to send; @FILE for what is in a file, @- for standard input")
	f.BoolVarP(&verbose, "verbose", "v", false, "print status and headers of the answer, too")
	return c
}

// data is what to send.
func (t *tool) data(arg string) ([]byte, error) {
	name, isFile := strings.CutPrefix(arg, "@")
	switch {
	case !isFile:
		return []byte(arg), nil
	case name == "-":
		return io.ReadAll(t.in)
	}
	return os.ReadFile(name)
}

func (t *tool) print(res *http.Response, verbose bool) error {
	if verbose {
		fmt.Fprintf(t.err, "%s %s\n", res.Proto, res.Status)
		if err := res.Header.Write(t.err); err != nil {
			return err
		}
		fmt.Fprintln(t.err)
	}
	if _, err := io.Copy(t.out, res.Body); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("HTTP status %s", res.Status)
	}
	return nil
}
