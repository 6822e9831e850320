package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"akin/internal/app"
	"akin/internal/settings"
)

// sourceFlags say where a server fetches papers from.
type sourceFlags struct {
	Sources            sourceList `help:"Where papers are fetched from, on a schedule: a list of maps in the configuration file, JSON elsewhere. docs/sources.md says what each may have." env:"AKIN_SOURCES" placeholder:"JSON" live:""`
	SourceHosts        []string   `name:"source-hosts" help:"Hosts that sources made over the API may name; none by default." env:"AKIN_SOURCE_HOSTS" placeholder:"HOST" live:""`
	SourcePrivateHosts []string   `name:"source-private-hosts" help:"Hosts of sources whose addresses may be of a private network, or of this machine." env:"AKIN_SOURCE_PRIVATE_HOSTS" placeholder:"HOST" live:""`
	SourceProxy        string     `name:"source-proxy" help:"HTTP proxy that sources are asked through; http_proxy and the like of the environment are not looked at." env:"AKIN_SOURCE_PROXY" placeholder:"URL" live:""`
	SourceContact      string     `name:"source-contact" help:"Address of e-mail or of a page that sources are told in the User-Agent, so that they can write to you; without it, the public URL if there is one." env:"AKIN_SOURCE_CONTACT" placeholder:"TEXT" live:""`
}

func (f *sourceFlags) fetch(config *app.Config) {
	config.Sources = app.SourceSettings{
		Sources: f.Sources.sources, Hosts: f.SourceHosts, PrivateHosts: f.SourcePrivateHosts, Proxy: f.SourceProxy, Contact: f.SourceContact,
	}
}

// sourceList is the sources of a configuration: as text, JSON.
type sourceList struct {
	text    string
	sources []app.SourceConfig
}

// String gives JSON, which is YAML as well.
func (l sourceList) String() string {
	if l.text == "" {
		return "[]"
	}
	return l.text
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *sourceList) UnmarshalText(text []byte) error {
	*l = sourceList{}
	if strings.TrimSpace(string(text)) == "" {
		return nil
	}
	var rows []map[string]any
	if err := json.Unmarshal(text, &rows); err != nil {
		return errors.New("is not a list of sources in JSON, such as [{\"name\": \"arxiv\", \"kind\": \"oai\", \"url\": \"https://oaipmh.arxiv.org/oai\"}]")
	}
	var faults []string
	for i, row := range rows {
		values := make(map[string]string)
		for name, value := range row {
			if near := settings.Nearest(name, app.SourceColumns()); near != name {
				faults = append(faults, fmt.Sprintf("entry %d: %q is none of its settings", i, name))
				continue
			}
			values[name] = cell(value)
		}
		c, wrong := app.ParseSource(values)
		for _, f := range wrong {
			faults = append(faults, fmt.Sprintf("entry %d: %s %s", i, f.Field, f.Message))
		}
		l.sources = append(l.sources, c)
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "; "))
	}
	if len(rows) > 0 {
		l.text = string(text)
	}
	return nil
}

// cell is a value of a source as text.
func cell(value any) string {
	items, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	var texts []string
	for _, item := range items {
		texts = append(texts, fmt.Sprint(item))
	}
	return strings.Join(texts, ",")
}

// sourceRow says what is wrong with a source of a configuration file.
func sourceRow(values map[string]string) (faults []settings.RowFault) {
	_, wrong := app.ParseSource(values)
	for _, f := range wrong {
		faults = append(faults, settings.RowFault{Column: f.Field, Message: f.Message})
	}
	return faults
}

const sourcesExample = `#   For example:
#   sources:
#     - name: arxiv-ledger
#       kind: oai
#       url: https://oaipmh.arxiv.org/oai
#       sets: [cs, stat]
#       from: 2026-11-01
#     - name: arxiv-today
#       kind: feed
#       url: https://rss.arxiv.org/atom/cs.CL+cs.IR
#       every: 1h
#     - name: daily
#       kind: listing
#       url: https://huggingface.co/api/daily_papers?date={date}
#     - name: inbox
#       kind: folder
#       path: /var/lib/akin/inbox
`
