package ingest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"akin/internal/paper"
)

// ErrUnknownFormat is in the chain of the error for a file whose format is not
// recognised, so that a walk over a folder can pass over such files.
var ErrUnknownFormat = errors.New("format not recognised")

// format is one row of the table of formats.
type format struct {
	name string
	// about says in a few words what the format is, for error messages.
	about string
	// match looks at a file's beginning.
	match func(head) bool
	open  func(input) rows
}

// input is a file of which only the head was looked at.
type input struct {
	name  string
	lines *lines // decompressed, from the beginning
	head  head
	opt   Options
	// file is the file itself where it is a regular one that is not
	// compressed, for formats that are not read from front to back; else nil.
	file *os.File
}

// formats is the table, the most telling test first.
func formats() []format {
	return []format{
		{"parquet", "Parquet", looksLikeParquet, newParquet},
		{"arrow", "Arrow files (Feather) and streams", looksLikeArrow, newArrow},
		{"xlsx", "Excel workbooks", looksLikeXLSX, newXLSX},
		{"zip", "zip archives of such files", looksLikeZip, newZip},
		{"tar", "tar archives of such files", looksLikeTar, newTar},
		{"oai", "answers of OAI-PMH, in the metadata formats oai_dc, arXiv and arXivRaw", looksLikeOAI, newOAI},
		{"atom", "Atom feeds of arXiv: answers of its API and daily announcements", looksLikeAtom, newAtom},
		{"rss", "RSS feeds of arXiv's daily announcements", looksLikeRSS, newRSS},
		{"feed", "feeds of journals and preprint servers whose entries have DOIs, in Atom, RSS 1.0 and RSS 2.0", looksLikeFeed, newFeed},
		{"pubmed", "citations of PubMed in XML", looksLikePubMed, newPubMed},
		{"dblp", "publications of dblp in XML", looksLikeDBLP, newDBLP},
		{"jats", "articles in JATS, as of PubMed Central", looksLikeJATS, newJATS},
		{"endnote-xml", "references of EndNote in XML", looksLikeEndNote, newEndNote},
		{"daily-papers", "Hugging Face daily papers: a JSON array of objects with a paper", looksLikeDailyPapers, newDailyPapers},
		{"arxiv", "lines of the arXiv snapshot", looksLikeArxiv, newArxiv},
		{"openalex", "lines of OpenAlex works", looksLikeOpenAlex, newOpenAlex},
		{"s2ag", "lines of Semantic Scholar papers, or of papers to delete", looksLikeS2AG, newS2AG},
		{"s2ag-abstracts", "lines of Semantic Scholar abstracts, read together with s2ag", looksLikeS2AGAbstracts, newS2AGAbstracts},
		{"s2-api", "answers of Semantic Scholar's Graph API", looksLikeS2API, newS2API},
		{"csl-json", "CSL-JSON items, in an array or one a line", looksLikeCSL, newCSL},
		{"jsonl", "JSON Lines: one object a line", looksLikeJSONL, newJSONL},
		{"nbib", "citations of PubMed in the MEDLINE format", looksLikeNBIB, newNBIB},
		{"wos", "references of Web of Science in plain text", looksLikeWoS, newWoS},
		{"refer", "references of EndNote and refer, with a tag such as %T on each line", looksLikeRefer, newRefer},
		{"ris", "references in RIS, from TY to ER", looksLikeRIS, newRIS},
		{"bibtex", "BibTeX entries", looksLikeBibTeX, newBibTeX},
		{"tsv", "tab-separated values under a line of column names", looksLikeTSV, newTSV},
		{"csv", "values separated by commas, semicolons or bars under a line of column names", looksLikeCSV, newCSV},
		{"listing", "a feed page saved as text: a date line such as \"Mar 17\", then titles and abstracts", looksLikeListing, newListing},
	}
}

// Formats gives the names of the formats that can be read.
func Formats() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// choose gives the named format, or the first whose test passes. An empty file
// has no papers in any format.
func choose(name string, h head) (format, bool) {
	for _, f := range formats() {
		if name == f.name || name == "" && f.match(h) {
			return f, true
		}
	}
	if h.whole && len(bytes.TrimSpace(h.text)) == 0 {
		return format{open: func(input) rows { return none{} }}, true
	}
	return format{}, false
}

// none is a file without rows.
type none struct{}

func (none) next(context.Context) (Row, error) { return Row{}, io.EOF }

// head is the beginning of a file, decompressed.
type head struct {
	text  []byte // without a byte order mark
	whole bool   // the file has no more than this
	opt   Options
	json  jsonShape
	table dialect
}

func newHead(peeked []byte, whole bool, opt Options) head {
	// The peeked bytes belong to the buffer and are overwritten by reading.
	h := head{text: bytes.Clone(bytes.TrimPrefix(peeked, []byte(byteOrderMark))), whole: whole, opt: opt}
	h.json = sniffJSON(h)
	if !h.binary() && h.json.kind == noJSON {
		h.table = sniffTable(h)
	}
	return h
}

// binary says that this is no text in UTF-8 or a single-byte encoding.
func (h head) binary() bool {
	return bytes.IndexByte(h.text, 0) >= 0
}

// eachLine yields the lines, trimmed; a last line that may go on beyond the
// head is left out.
func (h head) eachLine(yield func(string) bool) {
	rest := h.text
	for len(rest) > 0 {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if !ended && !h.whole {
			return
		}
		if !yield(string(bytes.TrimSpace(line))) {
			return
		}
		rest = after
	}
}

// unknownFormat says what the file looks like instead, as far as that helps.
func unknownFormat(name string, h head) error {
	var supported []string
	for _, f := range formats() {
		supported = append(supported, f.name+" ("+f.about+")")
	}
	return &paper.Error{
		Kind: paper.Invalid, Reason: paper.ReasonUnsupported, Cause: ErrUnknownFormat,
		Message: fmt.Sprintf("%s: format not recognised: it looks like %s; supported are %s, plain or compressed with gzip, zstd, xz or bzip2; if it is one of these, say which with --format",
			name, h.resemblance(), strings.Join(supported, "; ")),
	}
}

// resemblance names what a file that is not supported seems to be.
func (h head) resemblance() string {
	for _, known := range []struct{ magic, what string }{
		{"\x1F\x8B", "data that was compressed twice (decompress it)"},
		{"\x28\xB5\x2F\xFD", "data that was compressed twice (decompress it)"},
		{"BZh", "data that was compressed twice (decompress it)"},
		{"\xFD7zXZ\x00", "data that was compressed twice (decompress it)"},
		{"%PDF", "a PDF (akin reads lists of papers, not papers: export BibTeX, RIS or CSV from the program that has the list)"},
		{"\xD0\xCF\x11\xE0", "a document of old Office, such as .xls or .doc (save the sheet as .xlsx or CSV)"},
		{"7z\xBC\xAF\x27\x1C", "a 7-Zip archive (unpack it, or pack it as zip or tar)"},
		{"Rar!", "a RAR archive (unpack it, or pack it as zip or tar)"},
		{"SQLite format 3", "a SQLite database, as Zotero and Mendeley keep (export BibTeX, RIS or CSL-JSON from the program)"},
		{"{\\rtf", "a document in Rich Text Format (export BibTeX, RIS or CSV instead)"},
		{"\x89HDF", "HDF5 (write the table as Parquet or CSV)"},
		{"\x80\x04", "a Python pickle (write the data frame with to_parquet or to_json(lines=True))"},
		{"\x93NUMPY", "a NumPy array: vectors without papers (name the papers, and the vectors with --vectors)"},
		{"Obj\x01", "Avro (write the table as Parquet or JSON Lines)"},
		{"ORC", "ORC (write the table as Parquet)"},
		{"FEA1", "Feather of version 1 (write it again with pyarrow, which writes version 2, or as Parquet)"},
		{"\x04\x22\x4D\x18", "LZ4 data (decompress it, or compress it with zstd)"},
		{"\x1F\x9D", "data of compress, .Z (decompress it)"},
	} {
		if bytes.HasPrefix(h.text, []byte(known.magic)) {
			return known.what
		}
	}
	text := bytes.TrimSpace(h.text)
	switch {
	case h.binary():
		return "binary data"
	case bytes.HasPrefix(text, []byte("[")):
		return "a JSON array of something else (JSON Lines has one object a line, without brackets and commas around them)"
	case bytes.HasPrefix(text, []byte("{'")), bytes.HasPrefix(text, []byte("[{'")):
		return "Python's notation of dictionaries (write each with json.dumps, one a line)"
	case bytes.HasPrefix(text, []byte("{")):
		return "JSON that spreads an object over several lines (JSON Lines has one object a line)"
	case bytes.HasPrefix(text, []byte("<")):
		return h.resembledXML()
	case !utf8.Valid(text) && h.whole:
		return "text that is not UTF-8"
	default:
		return h.resembledText(string(text))
	}
}

// pubmedAbstract is how PubMed's lists of abstracts begin.
var (
	pubmedAbstract = regexp.MustCompile(`^1[.:] .{3,200}\d{4}[^\n]*\n`)
	identifierLine = regexp.MustCompile(`(?im)^\s*(https?://\S+|(doi:\s*)?10\.\d{4,9}/\S+|arxiv:\S+|\d{4}\.\d{4,5}(v\d+)?|pmid:?\s*\d+)\s*$`)
)

// resembledText names what text that is not supported seems to be.
func (h head) resembledText(text string) string {
	lines := 0
	for line := range h.eachLine {
		if line != "" {
			lines++
		}
	}
	switch {
	case pubmedAbstract.MatchString(text) && strings.Contains(text, "PMID:"):
		return "abstracts of PubMed for reading (save them in the format PubMed, or send them to a citation manager)"
	case lines > 0 && len(identifierLine.FindAllString(text, -1)) >= lines:
		return "a list of identifiers or addresses, which say nothing of the papers (akin library import takes such lists for papers that are there)"
	}
	return "text without a date line, column names, references or JSON"
}

// resembledXML names what XML that is not supported seems to be.
func (h head) resembledXML() string {
	switch root := xmlRoot(h); strings.ToLower(root) {
	case "html", "!doctype":
		return "a web page (HTML), maybe one that asks to log in (export BibTeX, RIS or CSV from the page)"
	case "rss", "rdf", "feed":
		return "a feed of somebody else than arXiv (export BibTeX or RIS from its pages)"
	case "record", "getrecord", "listrecords":
		if bytes.Contains(h.text, []byte("openarchives.org/OAI/2.0")) {
			return "a part of an answer of OAI-PMH (save the whole answer, from <OAI-PMH> on)"
		}
		return "MODS or MARC in XML (export RIS or BibTeX from the catalogue)"
	case "mods", "modscollection", "collection", "marc":
		return "MODS or MARC in XML (export RIS or BibTeX from the catalogue)"
	case "tei":
		return "TEI, as GROBID writes it (have it write BibTeX)"
	case "workbook", "worksheet":
		return "a sheet of Excel in XML (save it as .xlsx or CSV)"
	case "search", "search-results", "abstracts-retrieval-response":
		return "XML of another program (export RIS or BibTeX from it)"
	default:
		if bytes.Contains(bytes.ToLower(h.text[:min(len(h.text), 512)]), []byte("<!doctype html")) {
			return "a web page (HTML), maybe one that asks to log in (export BibTeX, RIS or CSV from the page)"
		}
		return fmt.Sprintf("XML of another kind: its root is %.40q (export RIS or BibTeX from the program that has the list)", root)
	}
}

// binaryHead says that a file begins as one in a format that is not text, of which every
// byte counts, however much text there is in it.
func binaryHead(src *bufio.Reader) bool {
	text, _ := src.Peek(headBytes) // an error comes again
	return slices.ContainsFunc(formats(), func(f format) bool { return binaryFormat(f.name) && f.match(head{text: text}) })
}

// binaryFormat says that a named format is not text.
func binaryFormat(name string) bool {
	return slices.Contains([]string{"parquet", "arrow", "xlsx", "zip", "tar"}, name)
}
