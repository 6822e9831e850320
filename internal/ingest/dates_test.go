package ingest

import "testing"

func TestReadDate(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		how        dateReading
	}{
		{"2020", "2020", dateRead},
		{"2020.0", "2020", dateRead},
		{"2019a", "2019", dateRead},
		{"c. 1999", "1999", dateRead},
		{"[2019]", "2019", dateRead},
		{"2019-05-12", "2019-05-12", dateRead},
		{"2019/05/12", "2019-05-12", dateRead},
		{"2019/5", "2019-05", dateRead},
		{"2019.05.12", "2019-05-12", dateRead},
		{"20190512", "2019-05-12", dateRead},
		{"20190500", "2019-05", dateRead},
		{"201905", "2019-05", dateRead},
		{"20190512T101500Z", "2019-05-12", dateRead},
		{"2019-05-12T10:00:00.000+00:00", "2019-05-12", dateRead},
		{"2019-05-12 10:00:00", "2019-05-12", dateRead},
		{"2019-05-12 10:00:00.123456 UTC", "2019-05-12", dateRead},
		{"2019-05-00", "2019-05", dateRead},
		{"2019-00-00", "2019", dateRead},
		{"00/2018", "2018", dateRead},
		{"05/2019", "2019-05", dateRead},
		{"12.05.2019", "2019-05-12", dateRead},
		{"13/05/2019", "2019-05-13", dateRead},
		{"05/13/2019", "2019-05-13", dateRead},
		{"05/05/2019", "2019-05-05", dateRead},
		{"05/12/2019", "2019", dateInPart},
		{"May 2019", "2019-05", dateRead},
		{"12 May 2019", "2019-05-12", dateRead},
		{"May 12th, 2019", "2019-05-12", dateRead},
		{"12-May-2019", "2019-05-12", dateRead},
		{"2019 May 12", "2019-05-12", dateRead},
		{"2019 May-Jun", "2019-05", dateRead},
		{"2019 Sept", "2019-09", dateRead},
		{"Sun, 12 May 2019 10:00:00 GMT", "2019-05-12", dateRead},
		{"Sun May 12 10:00:00 2019", "2019-05-12", dateRead},
		{"12. Mai 2019", "2019-05-12", dateRead},
		{"12 août 2019", "2019-08-12", dateRead},
		{"5 de mayo de 2019", "2019-05-05", dateRead},
		{"2019年5月12日", "2019-05-12", dateRead},
		{"2019–2020", "2019", dateRead},
		{"2019-05-01/2019-06-01", "2019-05-01", dateRead},
		{"Spring 2019", "2019", dateInPart},
		{"1557619200", "2019-05-12", dateRead},
		{"1557619200000", "2019-05-12", dateRead},
		{"1557619200000000", "2019-05-12", dateRead},
		{"", "", dateNone},
		{"0", "", dateNone},
		{"0000-00-00", "", dateNone},
		{"0000-00-00T00:00:00Z", "", dateNone},
		{"n.d.", "", dateNone},
		{"NaT", "", dateNone},
		{"-1", "", dateUnread},
		{"19990", "", dateUnread},
		{"2019-13-01", "", dateUnread},
		{"2019-02-30", "", dateUnread},
		{"in press", "", dateUnread},
		{"12 May", "", dateUnread},
		{"05/12/19", "", dateUnread},
		{"12", "", dateUnread},
	} {
		d, how := readDate(tc.text)
		if d.String() != tc.want || how != tc.how {
			t.Errorf("%q: got %q, %d; want %q, %d", tc.text, d, how, tc.want, tc.how)
		}
	}
}

func FuzzReadDate(f *testing.F) {
	f.Add("12. Mai 2019, 10:00")
	f.Fuzz(func(t *testing.T, text string) {
		d, how := readDate(text)
		if d.Validate() != nil || (d.Year == 0) != (how == dateNone || how == dateUnread) {
			t.Errorf("%q: %v, %d", text, d, how)
		}
	})
}
