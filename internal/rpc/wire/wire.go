// Package wire turns papers and spaces into their wire form and back, for the
// server and for clients alike. It does not validate. All functions are pure.
package wire

import (
	"slices"

	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/protobuf/types/known/timestamppb"

	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// MaxMessageBytes is the largest message that server and client take and send.
// It leaves room around the largest text that Tokenize takes.
const MaxMessageBytes = 32 << 20

// A call takes answers of DefaultResponseBytes, the limit of gRPC clients that say
// nothing else, unless its metadata say more under ResponseLimitKey.
const (
	DefaultResponseBytes = 4 << 20
	ResponseLimitKey     = "akin-max-response-bytes"
)

// FromPaper turns the wire form into the domain's; output-only fields are left
// out. It does not validate.
func FromPaper(p *akinv1.Paper) paper.Paper {
	out := paper.Paper{
		ID: p.GetId(), Title: p.GetTitle(), Abstract: p.GetAbstract(),
		Categories: slices.Clone(p.GetCategories()), Venue: p.GetVenue(),
		PublishDate: FromDate(p.GetPublishDate()),
		DOI:         p.GetDoi(), ArxivID: p.GetArxivId(), URLs: slices.Clone(p.GetUrls()), Language: p.GetLanguage(),
		Signals: p.GetSignals(), Metadata: p.GetMetadata(),
	}
	for _, a := range p.GetAuthors() {
		out.Authors = append(out.Authors, paper.Author{Name: a.GetName(), ORCID: a.GetOrcid()})
	}
	for _, d := range p.GetListedDates() {
		out.ListedDates = append(out.ListedDates, FromDate(d))
	}
	return out
}

// FromDate turns a wire date into the domain's.
func FromDate(d *date.Date) paper.Date {
	return paper.Date{Year: int(d.GetYear()), Month: int(d.GetMonth()), Day: int(d.GetDay())}
}

// ToDate turns a date into its wire form; the zero date is nil.
func ToDate(d paper.Date) *date.Date {
	if d.IsZero() {
		return nil
	}
	return &date.Date{Year: int32(d.Year), Month: int32(d.Month), Day: int32(d.Day)}
}

// ToPaper turns a paper into its wire form, output-only fields unset.
func ToPaper(p *paper.Paper) *akinv1.Paper {
	out := &akinv1.Paper{
		Id: p.ID, Title: p.Title, Abstract: p.Abstract,
		Categories: p.Categories, Venue: p.Venue,
		PublishDate: ToDate(p.PublishDate),
		Doi:         p.DOI, ArxivId: p.ArxivID, Urls: p.URLs, Language: p.Language,
		Signals: p.Signals, Metadata: p.Metadata,
	}
	for _, a := range p.Authors {
		out.Authors = append(out.Authors, &akinv1.Author{Name: a.Name, Orcid: a.ORCID})
	}
	for _, d := range p.ListedDates {
		out.ListedDates = append(out.ListedDates, ToDate(d))
	}
	return out
}

// ToRecord turns a stored paper into its wire form.
func ToRecord(r *paper.Record) *akinv1.Paper {
	out := ToPaper(&r.Paper)
	out.Revision = r.Revision
	out.CreateTime = timestamppb.New(r.CreateTime)
	out.UpdateTime = timestamppb.New(r.UpdateTime)
	out.ContentDigest = r.ContentDigest.String()
	out.TokenCount = int32(r.TokenCount)
	out.Truncated = r.Truncated
	out.Day = ToDate(r.Day())
	out.RecordKind = recordKind(r.Kind())
	return out
}

func recordKind(k paper.RecordKind) akinv1.RecordKind {
	switch k {
	case paper.FrontMatter:
		return akinv1.RecordKind_RECORD_KIND_FRONT_MATTER
	case paper.Editorial:
		return akinv1.RecordKind_RECORD_KIND_EDITORIAL
	case paper.Correction:
		return akinv1.RecordKind_RECORD_KIND_CORRECTION
	case paper.Volume:
		return akinv1.RecordKind_RECORD_KIND_VOLUME
	case paper.IsPaper:
	}
	return akinv1.RecordKind_RECORD_KIND_UNSPECIFIED
}

// ToSpace turns a space into its wire form.
func ToSpace(s paper.Space) *akinv1.Space {
	return &akinv1.Space{
		Fingerprint: s.Fingerprint(), Model: s.Model, ModelDigest: s.ModelDigest, TokenizerDigest: s.TokenizerDigest,
		Dimension: int32(s.Dimension), Pooling: s.Pooling, MaxTokens: int32(s.MaxTokens),
		TextTemplate: s.Template, Precision: s.Precision,
	}
}
