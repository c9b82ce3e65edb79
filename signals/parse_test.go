package signals

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestParseAcceptsWhatThePlatformSends(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind Kind
		body string
		want Callback
	}{
		"a plan's callback (P7)":           {KindPlan, `{"planInstanceId":"in10000001","processPlanId":"acf42dd3","status":"SUCCESS"}`, Callback{"in10000001", "SUCCESS"}},
		"a model's callback (W5)":          {KindModel, `{"instanceId":"10","modelId":"md1","status":"FINISH"}`, Callback{"10", "FINISH"}},
		"status in lower case":             {KindPlan, `{"planInstanceId":"i","status":"running"}`, Callback{"i", "RUNNING"}},
		"a status nobody knows":            {KindPlan, `{"planInstanceId":"i","status":"HALF_DONE"}`, Callback{"i", "HALF_DONE"}},
		"an instance id as a number":       {KindModel, `{"instanceId":12345678901234567890123,"status":"FAIL"}`, Callback{"12345678901234567890123", "FAIL"}},
		"an instance id with an exponent":  {KindModel, `{"instanceId":1.0000001E7,"status":"FAIL"}`, Callback{"10000001", "FAIL"}},
		"the same as Java writes it":       {KindModel, `{"instanceId":"1.0000001E7","status":"FAIL"}`, Callback{"10000001", "FAIL"}},
		"spaces around the status":         {KindModel, `{"instanceId":"1","status":" fail "}`, Callback{"1", "FAIL"}},
		"no plan id":                       {KindPlan, `{"planInstanceId":"i","status":"FAIL"}`, Callback{"i", "FAIL"}},
		"a plan id that is null":           {KindPlan, `{"planInstanceId":"i","processPlanId":null,"status":"FAIL"}`, Callback{"i", "FAIL"}},
		"unknown fields, even twice":       {KindPlan, `{"x":[{"status":1}],"x":{},"instanceId":"other","planInstanceId":"i","status":"FAIL"}`, Callback{"i", "FAIL"}},
		"a byte order mark":                {KindPlan, "\ufeff" + `{"planInstanceId":"i","status":"FAIL"}`, Callback{"i", "FAIL"}},
		"GBK in a field that is not read":  {KindPlan, "{\"msg\":\"\xca\xa7\xb0\xdc\",\"planInstanceId\":\"i\",\"status\":\"FAIL\"}", Callback{"i", "FAIL"}},
		"GBK that ends in a backslash":     {KindPlan, "{\"msg\":\"\x81\\\",\"planInstanceId\":\"i\",\"status\":\"FAIL\"}", Callback{"i", "FAIL"}},
		"GBK in the name of such a field":  {KindPlan, "{\"\xca\xa7\xb0\xdc\":1,\"planInstanceId\":\"i\",\"status\":\"FAIL\"}", Callback{"i", "FAIL"}},
		"GBK and a byte order mark":        {KindPlan, "\ufeff{\"msg\":\"\xca\xa7\",\"planInstanceId\":\"i\",\"status\":\"FAIL\"}", Callback{"i", "FAIL"}},
		"bytes that are no text at all":    {KindPlan, "{\"msg\":\"\xff\xfe\x80\",\"planInstanceId\":\"i\",\"status\":\"FAIL\"}", Callback{"i", "FAIL"}},
		"spaces around the instance id":    {KindPlan, `{"planInstanceId":" i ","status":"FAIL"}`, Callback{"i", "FAIL"}},
		"a known field's name further in":  {KindModel, `{"data":{"status":"FAIL","instanceId":"2"},"instanceId":"1","status":"FINISH"}`, Callback{"1", "FINISH"}},
		"space around it":                  {KindModel, " \r\n{ \"instanceId\" : \"实例 1\" , \"status\" : \"FINISH\" }\n", Callback{"实例 1", "FINISH"}},
		"an escaped name, given once":      {KindModel, `{"instanceId":"\u0031","st\u0061tus":"FINISH"}`, Callback{"1", "FINISH"}},
		"the longest instance id":          {KindModel, `{"instanceId":"` + strings.Repeat("i", 256) + `","status":"FINISH"}`, Callback{strings.Repeat("i", 256), "FINISH"}},
		"an instance id beyond the basics": {KindModel, `{"instanceId":"\ud83d\ude00","status":"FINISH"}`, Callback{"😀", "FINISH"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(test.kind, []byte(test.body))
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestParseRefusesWhatCouldBeReadInTwoWays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body string // of a plan
		want error
	}{
		"nothing":                        {``, errNotObject},
		"not JSON":                       {`planInstanceId=i&status=FAIL`, errNotObject},
		"cut short":                      {`{"planInstanceId":"i","status":"FAIL"`, errNotObject},
		"a list":                         {`[{"planInstanceId":"i","status":"FAIL"}]`, errNotObject},
		"null":                           {`null`, errNotObject},
		"two objects":                    {`{"planInstanceId":"i","status":"FAIL"}{}`, errNotObject},
		"a comma too many":               {`{"planInstanceId":"i","status":"FAIL",}`, errNotObject},
		"two byte order marks":           {"\ufeff\ufeff" + `{"planInstanceId":"i","status":"FAIL"}`, errNotObject},
		"an instance id in GBK":          {"{\"planInstanceId\":\"\xca\xb5\xc0\xfd\",\"status\":\"FAIL\"}", errEncoding},
		"an instance id in nothing":      {"{\"planInstanceId\":\"\xff\",\"status\":\"FAIL\"}", errInstanceID},
		"a status in nothing":            {"{\"planInstanceId\":\"i\",\"status\":\"\xff\"}", errStatus},
		"status twice":                   {`{"planInstanceId":"i","status":"FAIL","status":"SUCCESS"}`, errFieldTwice},
		"status twice, null first":       {`{"planInstanceId":"i","status":null,"status":"SUCCESS"}`, errFieldTwice},
		"instance twice, the same":       {`{"planInstanceId":"i","planInstanceId":"i","status":"FAIL"}`, errFieldTwice},
		"plan id twice":                  {`{"processPlanId":"p","planInstanceId":"i","processPlanId":"p","status":"FAIL"}`, errFieldTwice},
		"twice, once with an escape":     {`{"planInstanceId":"i","status":"FAIL","\u0073tatus":"SUCCESS"}`, errFieldTwice},
		"another case":                   {`{"planInstanceId":"i","Status":"FAIL"}`, errFieldCase},
		"another case beside the right":  {`{"planInstanceId":"i","status":"FAIL","STATUS":"SUCCESS"}`, errFieldCase},
		"another case of the plan id":    {`{"planInstanceId":"i","status":"FAIL","processPlanID":"p"}`, errFieldCase},
		"a case only Unicode folds":      {`{"planInstanceId":"i","status":"FAIL","ſtatus":"SUCCESS"}`, errFieldCase},
		"the same with an escape":        {`{"planInstanceId":"i","status":"FAIL","\u017ftatus":"SUCCESS"}`, errFieldCase},
		"no instance id":                 {`{"status":"FAIL"}`, errInstanceID},
		"a model's field in a plan":      {`{"instanceId":"i","status":"FAIL"}`, errInstanceID},
		"an empty instance id":           {`{"planInstanceId":"","status":"FAIL"}`, errInstanceID},
		"a null instance id":             {`{"planInstanceId":null,"status":"FAIL"}`, errInstanceID},
		"an instance id too long":        {`{"planInstanceId":"` + strings.Repeat("i", 257) + `","status":"FAIL"}`, errInstanceID},
		"a number too long":              {`{"planInstanceId":1` + strings.Repeat("0", 256) + `,"status":"FAIL"}`, errInstanceID},
		"a fraction":                     {`{"planInstanceId":1.5,"status":"FAIL"}`, errInstanceID},
		"an exponent that hides digits":  {`{"planInstanceId":1.2345678901234567e20,"status":"FAIL"}`, errInstanceID},
		"a negative number":              {`{"planInstanceId":-1,"status":"FAIL"}`, errInstanceID},
		"a list of ids":                  {`{"planInstanceId":["i"],"status":"FAIL"}`, errInstanceID},
		"a control character":            {`{"planInstanceId":"i\nj","status":"FAIL"}`, errInstanceID},
		"a C1 control character":         {`{"planInstanceId":"i\u0085j","status":"FAIL"}`, errInstanceID},
		"an instance id of spaces":       {`{"planInstanceId":"  ","status":"FAIL"}`, errInstanceID},
		"half a character":               {`{"planInstanceId":"\ud800","status":"FAIL"}`, errInstanceID},
		"no status":                      {`{"planInstanceId":"i"}`, errStatus},
		"an empty status":                {`{"planInstanceId":"i","status":""}`, errStatus},
		"a null status":                  {`{"planInstanceId":"i","status":null}`, errStatus},
		"a status that is a number":      {`{"planInstanceId":"i","status":1}`, errStatus},
		"a status of two words":          {`{"planInstanceId":"i","status":"FAIL OVER"}`, errStatus},
		"a status of spaces":             {`{"planInstanceId":"i","status":"  "}`, errStatus},
		"a status that folds into ASCII": {`{"planInstanceId":"i","status":"ſUCCESS"}`, errStatus},
		"a status too long":              {`{"planInstanceId":"i","status":"` + strings.Repeat("A", 33) + `"}`, errStatus},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(KindPlan, []byte(test.body))
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestDepthIsBoundedBySize(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	_, err := parse(KindPlan, []byte(`{"x":`+deep+`,"planInstanceId":"i","status":"FAIL"}`))
	require.NoError(t, err)
	_, err = parse(KindPlan, []byte(`{"x":`+strings.Repeat("[", 60_000)))
	require.ErrorIs(t, err, errNotObject)
}

// FuzzCallback: whatever is accepted has exactly one spelling of each required field, at most one of the other,
// and reads the same to a lenient reader.
func FuzzCallback(f *testing.F) {
	for _, body := range []string{
		`{"planInstanceId":"in1","processPlanId":"p","status":"SUCCESS"}`,
		`{"instanceId":7,"modelId":"m","status":"finish","x":{"status":[1,{"status":2}]}}`,
		`{"instanceId":"1","status":"FAIL","\u017ftatus":"FINISH"}`,
		`{"instanceId":"1","status":"FAIL","Status":"FINISH"}`,
		`{"instanceId":"1","status":null,"status":"FINISH"}`,
		`{"instanceId":"\ud800","status":"FAIL"} {}`,
	} {
		f.Add(true, []byte(body))
		f.Add(false, []byte(body))
	}
	f.Fuzz(func(t *testing.T, plan bool, body []byte) {
		kind := KindModel
		if plan {
			kind = KindPlan
		}
		got, err := parse(kind, body)
		if err != nil {
			return
		}
		if body = bytes.TrimPrefix(body, byteOrderMark); !utf8.Valid(body) {
			return // its readers differ in what they make of it
		}
		names := topLevelNames(t, body)
		require.Equal(t, 1, count(names, kind.fields().instance))
		require.Equal(t, 1, count(names, "status"))
		require.LessOrEqual(t, count(names, kind.fields().subject), 1)

		var lenient map[string]any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		require.NoError(t, dec.Decode(&lenient))
		given := strings.TrimSpace(fmt.Sprint(lenient[kind.fields().instance]))
		if number, err := strconv.ParseFloat(given, 64); given != got.InstanceID {
			require.NoError(t, err)
			require.Equal(t, strconv.FormatFloat(number, 'f', -1, 64), got.InstanceID)
		}
		require.Regexp(t, `^[A-Z_]{1,32}$`, got.Status)
		require.True(t, strings.EqualFold(strings.TrimSpace(lenient["status"].(string)), got.Status))
	})
}

// topLevelNames walks the tokens by itself, without decoding values as the code under test does.
func topLevelNames(t *testing.T, body []byte) (names []string) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	depth, name := 0, true
	for dec.More() || depth > 0 {
		token, err := dec.Token()
		require.NoError(t, err)
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			if depth == 1 {
				continue
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth != 1 {
			continue
		}
		if name {
			names = append(names, token.(string))
		}
		name = !name
	}
	return names
}

func count(names []string, field string) (n int) {
	for _, name := range names {
		if strings.EqualFold(name, field) {
			n++
		}
	}
	return n
}
