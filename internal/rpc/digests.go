package rpc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"akin/internal/access"
	"akin/internal/library"
	"akin/internal/notify"
	"akin/internal/paper"
	akinv1 "akin/proto/akin/v1"
)

// digestService is DigestService: handlers of owners' digests are here, those of visitors
// and of links in mails in subscriptions.go.
type digestService struct {
	akinv1.UnimplementedDigestServiceServer
	server *Server
}

// KeepDigests serves digests; nil are none, with the reason. It comes before GRPC and
// Guarded.
func (s *Server) KeepDigests(d *notify.Digests, why string) { s.digests, s.noDigests = d, why }

// kept gives what keeps digests.
func (s *digestService) kept() (*notify.Digests, error) {
	if s.server.digests == nil {
		why := s.server.noDigests
		if why == "" {
			return nil, s.server.without("this server sends no mail")
		}
		return nil, &paper.Error{Kind: paper.FailedPrecondition, Reason: notify.ReasonOff, Message: "this server sends no mail: " + why}
	}
	return s.server.digests, nil
}

// open gives what keeps digests and whose they are.
func (s *digestService) open(ctx context.Context) (*notify.Digests, string, error) {
	d, err := s.kept()
	if err != nil {
		return nil, "", err
	}
	owner, err := ownerOf(ctx)
	return d, owner, err
}

// about is open for a call about a digest, whose collection the caller must be allowed
// to use.
func (s *digestService) about(ctx context.Context, field, name string) (*notify.Digests, string, error) {
	if err := library.CheckName(field, name); err != nil {
		return nil, "", err
	}
	d, owner, err := s.open(ctx)
	if c := access.CallerOf(ctx); err == nil && c != nil && len(c.Collections) > 0 {
		if b, getErr := d.Get(ctx, owner, name); getErr == nil {
			err = mayUse(ctx, b.Collection)
		}
	}
	return d, owner, err
}

// mayVouch says whether the caller may say of an address that it is the owner's.
func mayVouch(ctx context.Context, vouched bool) error {
	if c := access.CallerOf(ctx); vouched && c != nil && !c.Scopes.Has(access.Admin) {
		return access.NeedsScope(access.Admin)
	}
	return nil
}

// CreateDigest implements DigestService.
func (s *digestService) CreateDigest(ctx context.Context, req *akinv1.CreateDigestRequest) (*akinv1.Digest, error) {
	in := req.GetDigest()
	wanted, err := fromDigest(in)
	if err != nil {
		return nil, err
	}
	if _, err := notify.ParseAddress("digest.address", in.GetAddress()); err != nil {
		return nil, err
	}
	d, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := mayUse(ctx, in.GetCollection()); err != nil {
		return nil, err
	}
	if err := mayVouch(ctx, req.GetVouched()); err != nil {
		return nil, err
	}
	b, err := d.Create(ctx, owner, wanted, in.GetAddress(), req.GetVouched())
	return toDigest(&b, err)
}

// GetDigest implements DigestService.
func (s *digestService) GetDigest(ctx context.Context, req *akinv1.GetDigestRequest) (*akinv1.Digest, error) {
	d, owner, err := s.about(ctx, "name", req.GetName())
	if err != nil {
		return nil, err
	}
	b, err := d.Get(ctx, owner, req.GetName())
	return toDigest(&b, err)
}

// ListDigests implements DigestService.
func (s *digestService) ListDigests(ctx context.Context, _ *akinv1.ListDigestsRequest) (*akinv1.ListDigestsResponse, error) {
	d, owner, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := d.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	resp := new(akinv1.ListDigestsResponse)
	for i := range all {
		if mayUse(ctx, all[i].Collection) == nil {
			resp.Digests = append(resp.Digests, digestOf(&all[i]))
		}
	}
	return resp, nil
}

// digestFields are the fields of Digest that callers change.
var digestFields = []protoreflect.Name{ //nolint:gochecknoglobals // a constant list
	"display_name", "address", "feeds", "listing", "schedule", "quiet", "pinned_authors", "max_items", "library",
}

// digestPaths gives the fields that an update is about.
func digestPaths(req *akinv1.UpdateDigestRequest) (map[protoreflect.Name]bool, error) {
	m := req.GetDigest().ProtoReflect()
	fields := (&akinv1.Digest{}).ProtoReflect().Descriptor().Fields()
	paths := pathsIn(req.GetUpdateMask())
	out := map[protoreflect.Name]bool{}
	for _, path := range paths {
		f := fieldOf(fields, path)
		switch {
		case path == "*":
			for _, name := range digestFields {
				out[name] = true
			}
		case f != nil && f.Name() == "name": // what the request is about
		case f == nil || !slices.Contains(digestFields, f.Name()):
			return nil, paper.InvalidField("update_mask", "has path %.80q; there are display_name, address, feeds, listing, schedule, quiet, pinned_authors, max_items, library, or \"*\"", path)
		default:
			out[f.Name()] = true
		}
	}
	if len(paths) == 0 && req.GetDigest() != nil {
		for _, name := range digestFields {
			out[name] = m.Has(fields.ByName(name))
		}
	}
	return out, nil
}

// UpdateDigest implements DigestService.
func (s *digestService) UpdateDigest(ctx context.Context, req *akinv1.UpdateDigestRequest) (*akinv1.Digest, error) {
	in := req.GetDigest()
	d, owner, err := s.about(ctx, "digest.name", in.GetName())
	if err != nil {
		return nil, err
	}
	if req.GetStop() && req.GetResume() {
		return nil, paper.InvalidField("stop", "is set together with resume; set one of them")
	}
	if err := mayVouch(ctx, req.GetVouched()); err != nil {
		return nil, err
	}
	set, err := digestPaths(req)
	if err != nil {
		return nil, err
	}
	wanted, err := fromDigest(in)
	if err != nil {
		return nil, err
	}
	change := notify.Change{Vouched: req.GetVouched(), Stop: req.GetStop(), Go: req.GetResume(), Edit: func(d *notify.Digest) { copyDigest(d, &wanted, set) }}
	if set["address"] {
		if change.Address = in.GetAddress(); change.Address == "" {
			return nil, paper.InvalidField("digest.address", "is empty; a digest has a reader")
		}
	}
	b, err := d.Update(ctx, owner, in.GetName(), change)
	return toDigest(&b, err)
}

// copyDigest takes over the fields that an update is about.
func copyDigest(to, from *notify.Digest, set map[protoreflect.Name]bool) {
	if set["display_name"] {
		to.DisplayName = from.DisplayName
	}
	if set["feeds"] {
		to.Feeds = from.Feeds
	}
	if set["listing"] {
		to.Listing = from.Listing
	}
	if set["schedule"] {
		to.Schedule = from.Schedule
	}
	if set["quiet"] {
		to.Quiet = from.Quiet
	}
	if set["pinned_authors"] {
		to.Authors = from.Authors
	}
	if set["max_items"] {
		to.MaxItems = from.MaxItems
	}
	if set["library"] {
		to.Library = from.Library
	}
}

// DeleteDigest implements DigestService.
func (s *digestService) DeleteDigest(ctx context.Context, req *akinv1.DeleteDigestRequest) (*akinv1.Digest, error) {
	d, owner, err := s.about(ctx, "name", req.GetName())
	if err != nil {
		return nil, err
	}
	b, err := d.Delete(ctx, owner, req.GetName(), req.GetErase())
	return toDigest(&b, err)
}

// PreviewDigest implements DigestService.
func (s *digestService) PreviewDigest(ctx context.Context, req *akinv1.PreviewDigestRequest) (*akinv1.DigestPreview, error) {
	d, owner, err := s.about(ctx, "name", req.GetName())
	if err != nil {
		return nil, err
	}
	c, err := d.Preview(ctx, owner, req.GetName())
	if err != nil {
		return nil, err
	}
	return &akinv1.DigestPreview{
		Subject: c.Subject, Html: c.HTML, Text: c.Text, PaperIds: c.Papers, MoreCount: int32(c.More), Left: leftOf(c.Left), QuietReason: c.Quiet,
	}, nil
}

// SendDigest implements DigestService.
func (s *digestService) SendDigest(ctx context.Context, req *akinv1.SendDigestRequest) (*akinv1.SendDigestResponse, error) {
	if req.GetDryRun() {
		preview, err := s.PreviewDigest(ctx, &akinv1.PreviewDigestRequest{Name: req.GetName()})
		return &akinv1.SendDigestResponse{Preview: preview}, err
	}
	d, owner, err := s.about(ctx, "name", req.GetName())
	if err != nil {
		return nil, err
	}
	key, err := d.SendNow(ctx, owner, req.GetName())
	if err != nil {
		return nil, err
	}
	return &akinv1.SendDigestResponse{Date: key.Day.String()}, nil
}

// GetDigestStatus implements DigestService.
func (s *digestService) GetDigestStatus(ctx context.Context, req *akinv1.GetDigestStatusRequest) (*akinv1.DigestStatus, error) {
	d, owner, err := s.about(ctx, "name", req.GetName())
	if err != nil {
		return nil, err
	}
	t, err := d.Status(ctx, owner, req.GetName())
	if err != nil {
		return nil, err
	}
	out := &akinv1.DigestStatus{
		Digest: digestOf(&t.Book), Words: t.Words, NextTime: toTime(t.Next.At), LastSentTime: toTime(t.LastSent), PausedUntil: toTime(t.PausedUntil),
	}
	for i := range t.Issues {
		out.Issues = append(out.Issues, issueOf(&t.Issues[i]))
	}
	for _, v := range t.Deliveries {
		out.Deliveries = append(out.Deliveries, &akinv1.DigestDelivery{Source: v.Source, Time: toTime(v.Time), Words: v.Sentence})
	}
	return out, nil
}

// ReportBounce implements DigestService.
func (s *digestService) ReportBounce(ctx context.Context, req *akinv1.ReportBounceRequest) (*akinv1.ReportBounceResponse, error) {
	if n := len(req.GetMessage()); n == 0 || n > notify.MaxBounceBytes {
		return nil, paper.InvalidField("message", "has %d bytes; a mail that came back has 1 to %d", n, notify.MaxBounceBytes)
	}
	d, err := s.kept()
	if err != nil {
		return nil, err
	}
	b, err := d.ReportBounce(ctx, req.GetMessage())
	return &akinv1.ReportBounceResponse{Counted: b.Counted, Words: b.Words}, err
}

func toDigest(b *notify.Book, err error) (*akinv1.Digest, error) {
	if err != nil {
		return nil, err
	}
	return digestOf(b), nil
}

// digestOf gives the wire form of a digest.
func digestOf(b *notify.Book) *akinv1.Digest {
	return &akinv1.Digest{
		Name: b.Name, DisplayName: b.DisplayName, Address: b.Address, Collection: b.Collection, Feeds: b.Feeds, Listing: akinv1.DigestListing(b.Listing),
		Schedule: scheduleOf(&b.Schedule), Quiet: akinv1.DigestQuiet(b.Quiet + 1), PinnedAuthors: b.Authors, MaxItems: int32(b.MaxItems), Library: b.Library,
		State: akinv1.DigestState(b.State), CreateTime: toTime(b.CreateTime), UpdateTime: toTime(b.UpdateTime), ConfirmTime: toTime(b.ConfirmTime),
	}
}

func scheduleOf(s *notify.Schedule) *akinv1.DigestSchedule {
	out := &akinv1.DigestSchedule{
		Interval: akinv1.DigestInterval(s.Every), Time: fmt.Sprintf("%02d:%02d", s.Minute/60, s.Minute%60), TimeZone: s.Zone,
	}
	if s.Every == notify.Weekly {
		out.Weekday = akinv1.DigestWeekday((int(s.Weekday)+6)%7 + 1) // Monday is 1, Sunday 7
	}
	return out
}

// morning is when a digest comes if nobody says.
const morning = 7 * 60

// fromSchedule reads a schedule.
func fromSchedule(field string, in *akinv1.DigestSchedule) (out notify.Schedule, err error) {
	if err := checkEnum(field+".interval", in.GetInterval()); err != nil {
		return out, err
	}
	if err := checkEnum(field+".weekday", in.GetWeekday()); err != nil {
		return out, err
	}
	out = notify.Schedule{Every: max(notify.Daily, notify.Every(in.GetInterval())), Minute: morning, Zone: in.GetTimeZone()}
	if out.Every == notify.Weekly {
		out.Weekday = time.Weekday(max(1, in.GetWeekday()) % 7)
	} else if in.GetWeekday() != 0 {
		return out, paper.InvalidField(field+".weekday", "is set, which only a weekly digest has; leave it out, or set the interval")
	}
	if text := in.GetTime(); text != "" {
		t, err := time.Parse("15:04", text)
		if err != nil || len(text) != len("15:04") {
			return out, paper.InvalidField(field+".time", "is %.40q; write a time as 07:00", text)
		}
		out.Minute = t.Hour()*60 + t.Minute()
	}
	return out, nil
}

// fromDigest reads what callers set of a digest.
func fromDigest(in *akinv1.Digest) (out notify.Digest, err error) {
	if err := checkEnum("digest.listing", in.GetListing()); err != nil {
		return out, err
	}
	if err := checkEnum("digest.quiet", in.GetQuiet()); err != nil {
		return out, err
	}
	out = notify.Digest{
		Name: in.GetName(), DisplayName: strings.TrimSpace(in.GetDisplayName()), Collection: in.GetCollection(), Feeds: in.GetFeeds(),
		Listing: notify.Listing(in.GetListing()), Quiet: notify.Quiet(max(0, in.GetQuiet()-1)), Authors: slices.Clone(in.GetPinnedAuthors()),
		MaxItems: int(in.GetMaxItems()), Library: in.GetLibrary(),
	}
	if out.Schedule, err = fromSchedule("digest.schedule", in.GetSchedule()); err != nil {
		return out, err
	}
	return out, library.CheckName("digest.name", out.Name)
}

func leftOf(l notify.Left) *akinv1.DigestLeft {
	return &akinv1.DigestLeft{SentCount: int32(l.Sent), ReadCount: int32(l.Read), DismissedCount: int32(l.Dismissed), GoneCount: int32(l.Gone)}
}

func issueOf(i *notify.Issue) *akinv1.DigestIssue {
	out := &akinv1.DigestIssue{
		Date: i.Day.String(), Confirmation: i.Kind == notify.Confirmation, Progress: akinv1.DigestProgress(i.Progress), PlannedTime: toTime(i.Planned),
		EndTime: toTime(i.EndTime), NextTryTime: toTime(i.NextTry), Attempts: int32(i.Attempts), MoreCount: int32(i.More), Left: leftOf(i.Left),
		Code: int32(i.Code), Words: i.Words, Bounced: i.Bounced,
	}
	for k := range i.Picks {
		out.PaperIds = append(out.PaperIds, i.Picks[k].PaperID)
	}
	return out
}
