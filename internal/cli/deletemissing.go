package cli

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"akin/internal/client"
	akinv1 "akin/proto/akin/v1"
)

// idSet remembers ids by the beginning of their digests: 16 bytes each, however
// long the ids are. A nil set forgets.
type idSet map[[16]byte]struct{}

func idKey(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

func (s idSet) add(id string) {
	if s != nil {
		s[idKey(id)] = struct{}{}
	}
}

func (s idSet) has(id string) bool {
	_, ok := s[idKey(id)]
	return ok
}

// deleteBatch is how many papers one request erases.
const deleteBatch = 1000

// deleteMissing erases the papers that the files did not have, after asking. If
// any row could not be read, nobody knows what is missing, and nothing is
// erased.
func (c importCommand) deleteMissing(e *environment, cl *client.Client, im *importer) error {
	if n := im.quarantine.Count(); n > 0 {
		return fmt.Errorf("nothing was erased: %s could not be used, so it is not known which papers are missing; mend them (see %s) and import again", plural(n, "row"), im.quarantine.Path())
	}
	if len(im.seen) == 0 {
		return errors.New("nothing was erased: the files hold no paper at all")
	}
	missing, err := missingIDs(e, cl, im.seen)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		fmt.Fprintln(e.out, "no papers are missing in the files; nothing to erase")
		return nil
	}
	if !c.Yes {
		some := strings.Join(missing[:min(3, len(missing))], ", ")
		fmt.Fprintf(e.errOut, "%s of the collection are not in the files, for example %s. Erase them? [y/N] ", plural(len(missing), "paper"), some)
		answer, _ := bufio.NewReader(e.in).ReadString('\n')
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			fmt.Fprintln(e.out, "nothing was erased")
			return nil
		}
	}
	erased := 0
	for len(missing) > 0 {
		n := min(deleteBatch, len(missing))
		resp, err := cl.Papers.BatchDeletePapers(e.ctx, &akinv1.BatchDeletePapersRequest{Ids: missing[:n]})
		if err != nil {
			return err
		}
		erased += int(resp.GetDeletedCount())
		missing = missing[n:]
	}
	fmt.Fprintf(e.out, "%s erased that the files do not have\n", plural(erased, "paper"))
	return nil
}

// missingIDs gives the ids of the collection that are not in the set.
func missingIDs(e *environment, cl *client.Client, seen idSet) ([]string, error) {
	req := &akinv1.ListPapersRequest{PageSize: 1000, ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"id"}}}
	var missing []string
	for {
		page, err := cl.Papers.ListPapers(e.ctx, req)
		if err != nil {
			return nil, err
		}
		for _, p := range page.GetPapers() {
			if !seen.has(p.GetId()) {
				missing = append(missing, p.GetId())
			}
		}
		if req.PageToken = page.GetNextPageToken(); req.PageToken == "" {
			return missing, nil
		}
	}
}
