package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The last of the rules for a GeoReport server without extensions; those after it
// are about extensions and about this test's own oracles.
const lastRule = 113

// notApplicable are the rules that say nothing about a national endpoint that
// answers at once, with the reason.
func notApplicable() map[int]string {
	return map[int]string{
		25: "one endpoint serves every jurisdiction, and the position says which, so jurisdiction_id is required nowhere",
		88: "no token is ever given: an id comes with the answer to the post, which rule 82 allows in its place",
		89: "no token is ever given, so none is unfinished; an unknown one is rule 90",
	}
}

// shownBy names for each other rule the tests that show it; those of the package
// internal/open311 have its name before them.
func shownBy() map[int][]string {
	return map[int][]string{
		1:   {"TestOpen311Services", "open311.TestRoute"},
		2:   {"TestOpen311Services", "open311.TestContentTypes"},
		3:   {"TestOpen311Services", "open311.TestContentTypes"},
		4:   {"TestOpen311Services"},
		5:   {"TestOpen311Services", "open311.TestRule7To11SparkOfTheXMLIsTheJSON"},
		6:   {"open311.TestParsePostRefuses", "open311.TestRule6IllegalCharactersAreLeftOut", "open311.TestWhatTheDocumentsSay"},
		7:   {"open311.TestRule7To11SparkOfTheXMLIsTheJSON"},
		8:   {"TestOpen311RequestFields", "open311.TestRule7To11SparkOfTheXMLIsTheJSON"},
		9:   {"TestOpen311RequestFields", "TestOpen311Services", "TestOpen311ValuesKeepTheirTypes"},
		10:  {"TestOpen311Services", "TestOpen311ValuesKeepTheirTypes", "TestOpen311WrongTypesAreSeen"},
		11:  {"TestOpen311PostIsRefused", "TestOpen311WrongTypesAreSeen"},
		12:  {"TestOpen311ByID", "TestOpen311PathsAndMethods", "open311.TestRoute"},
		13:  {"TestOpen311PostIsAnsweredAndReadBack", "open311.TestRule17CharsetIsTakenAtItsWord"},
		14:  {"TestOpen311Multipart", "open311.TestParsePostMultipart", "open311.TestParsePostRefusesBodies", "open311.TestRule14WithoutATypeABodyIsAForm"},
		15:  {"TestOpen311Multipart", "open311.TestParsePostMultipart", "open311.TestParsePostRefusesBodies"},
		16:  {"TestOpen311OddHeadersOnGetDoNotMatter"},
		17:  {"TestOpen311LatinOneBodies", "open311.TestParseList", "open311.TestParsePostForm", "open311.TestParsePostMultipart", "open311.TestRoute"},
		18:  {"TestOpen311Options", "TestOpen311PathsAndMethods", "TestOpen311PostIsRefused"},
		19:  {"TestOpen311PathsAndMethods"},
		20:  {"TestOpen311HeadIsGetWithoutABody", "TestOpen311PathsAndMethods"},
		21:  {"TestOpen311ByID", "TestOpen311PathsAndMethods", "open311.TestRoute"},
		22:  {"TestOpen311PathsAndMethods"},
		23:  {"TestOpen311ListFilters", "TestOpen311PostIsTaken", "TestOpen311ServicesOfAPlace"},
		24:  {"TestOpen311ByID", "TestOpen311ListRefusals", "TestOpen311ParametersMayStandInTheQuery", "TestOpen311PostIsRefused", "open311.TestFromProblem"},
		26:  {"TestOpen311ListFilters", "TestOpen311PostIsTaken", "TestOpen311ServicesOfAPlace", "open311.TestParseList", "open311.TestParsePostForm", "open311.TestParsePostRefuses"},
		27:  {"TestOpen311ParametersMayStandInTheQuery", "open311.TestParsePostForm"},
		28:  {"TestOpen311ByID"},
		29:  {"TestOpen311ParametersMayStandInTheQuery", "TestOpen311PostIsRefused", "open311.TestFromProblem", "open311.TestParsePostForm"},
		30:  {"TestOpen311Dates", "open311.TestParseTime"},
		31:  {"TestOpen311Dates", "TestOpen311ListFilters", "TestOpen311ListRefusals", "open311.TestParseList", "open311.TestParseListRefuses", "open311.TestParseTime"},
		32:  {"TestOpen311PostIsAnsweredAndReadBack", "open311.TestWhatTheDocumentsSay"},
		33:  {"TestOpen311ListFilters", "TestOpen311PostIsTaken", "TestOpen311ServicesOfAPlace", "open311.TestParseList", "open311.TestParsePostForm", "open311.TestParsePostMultipart"},
		34:  {"TestOpen311ListFilters", "open311.TestParseList"},
		35:  {"TestOpen311PostIsRefused"},
		36:  {"TestOpen311PostIsRefused", "open311.TestFromProblem"},
		37:  {"TestOpen311PostIsRefused", "TestOpen311PostNamesEveryFault", "open311.TestFromProblem", "open311.TestParseListRefuses", "open311.TestParsePostRefuses"},
		38:  {"TestOpen311PostIsRefused", "open311.TestFromProblem"},
		39:  {"TestOpen311PostIsRefused"},
		40:  {"TestOpen311FailuresOfOurOwn", "TestOpen311TransportFaults", "open311.TestFromProblem", "open311.TestParsePostRefusesBodies"},
		41:  {"TestOpen311PathsAndMethods", "TestOpen311PostIsRefused", "TestOpen311ServiceWithoutAttributes", "open311.TestFromProblem", "open311.TestParsePostRefuses"},
		42:  {"TestOpen311Discovery", "open311.TestRoute"},
		43:  {"TestOpen311Discovery"},
		44:  {"TestOpen311Discovery"},
		45:  {"TestOpen311Discovery", "open311.TestWhatTheDocumentsSay"},
		46:  {"TestOpen311Discovery", "open311.TestWhatTheDocumentsSay"},
		47:  {"TestOpen311Discovery"},
		48:  {"TestOpen311Discovery", "open311.TestWhatTheDocumentsSay"},
		49:  {"TestOpen311ChangesetMovesWithTheServices", "TestOpen311Discovery"},
		50:  {"TestOpen311Discovery"},
		51:  {"TestOpen311Services"},
		52:  {"TestOpen311ServiceWithoutAttributes", "TestOpen311Services"},
		53:  {"TestOpen311Services"},
		54:  {"TestOpen311ServiceWithoutAttributes", "TestOpen311Services"},
		55:  {"TestOpen311CodesAreStable"},
		56:  {"TestOpen311CodesAreStable"},
		57:  {"TestOpen311Services"},
		58:  {"open311.TestDocumentsByteForByte"},
		59:  {"TestOpen311ServicesOfAPlace"},
		60:  {"TestOpen311Definitions", "TestOpen311Services", "open311.TestDocumentsByteForByte"},
		61:  {"TestOpen311ValuesKeepTheirTypes"},
		62:  {"TestOpen311Definitions"},
		63:  {"TestOpen311Definitions"},
		64:  {"TestOpen311Definitions"},
		65:  {"TestOpen311Definitions"},
		66:  {"TestOpen311Definitions"},
		67:  {"TestOpen311ServiceWithoutAttributes"},
		68:  {"TestOpen311PathsAndMethods", "TestOpen311ServiceWithoutAttributes", "open311.TestRoute"},
		69:  {"TestOpen311PostIsRefused", "open311.TestParsePostForm"},
		70:  {"TestOpen311PostIsRefused", "TestOpen311PostIsTaken", "open311.TestParsePostForm", "open311.TestParsePostRefuses"},
		71:  {"TestOpen311PostIsRefused", "open311.TestParsePostForm", "open311.TestParsePostRefuses"},
		72:  {"TestOpen311PostIsRefused", "open311.TestParsePostForm"},
		73:  {"TestOpen311AttributesInEveryWriting", "open311.TestParsePostForm", "open311.TestParsePostMultipart"},
		74:  {"TestOpen311PostIsRefused", "TestOpen311PostNamesEveryFault"},
		75:  {"TestOpen311PostIsRefused"},
		76:  {"TestOpen311PostIsTaken"},
		77:  {"TestOpen311PostIsTaken", "open311.TestParsePostForm"},
		78:  {"TestOpen311PostIsRefused", "TestOpen311PostIsTaken", "open311.TestParsePostForm", "open311.TestParsePostMultipart", "open311.TestParsePostRefuses"},
		79:  {"TestOpen311MediaURLBecomesAPhoto", "TestOpen311MediaURLThatCannotBeFetched", "TestOpen311PostIsRefused", "TestOpen311PostIsTaken", "open311.TestParsePostForm", "open311.TestParsePostRefuses"},
		80:  {"TestOpen311BadFilesLeaveNothing", "TestOpen311Multipart", "open311.TestParsePostMultipart", "open311.TestParsePostMultipartRefuses", "open311.TestParsePostTellsWhoseFaultAFileIs"},
		81:  {"TestOpen311PostIsAnsweredAndReadBack"},
		82:  {"TestOpen311PostIsAnsweredAndReadBack"},
		83:  {"TestOpen311PostIsAnsweredAndReadBack"},
		84:  {"TestOpen311PostIsAnsweredAndReadBack", "TestOpen311SaysWhenAReportIsHeld"},
		85:  {"TestOpen311PostIsAnsweredAndReadBack"},
		86:  {"TestOpen311EqualPostsAreTwoRequests"},
		87:  {"TestOpen311EndlessBody", "TestOpen311ParametersMayStandInTheQuery", "open311.TestParsePostForm", "open311.TestParsePostMultipartRefuses", "open311.TestParsePostRefusesBodies"},
		90:  {"TestOpen311PathsAndMethods", "open311.TestRoute"},
		91:  {"TestOpen311ListFilters"},
		92:  {"TestOpen311ListFilters", "open311.TestParseList"},
		93:  {"TestOpen311ListFilters"},
		94:  {"TestOpen311ListFilters", "TestOpen311ListRefusals", "open311.TestParseList", "open311.TestParseListRefuses"},
		95:  {"TestOpen311ListFilters", "open311.TestParseList"},
		96:  {"TestOpen311ListFilters", "open311.TestParseList"},
		97:  {"TestOpen311ListFilters", "TestOpen311ListRefusals", "open311.TestParseList", "open311.TestParseListRefuses"},
		98:  {"TestOpen311ListFilters", "TestOpen311ListIsCutAtAThousand"},
		99:  {"TestOpen311RequestFields", "open311.TestDocumentsByteForByte"},
		100: {"TestOpen311RequestFields", "open311.TestDocumentsByteForByte"},
		101: {"TestOpen311Closing", "TestOpen311ListAndByIDAgree", "open311.TestWhatTheDocumentsSay"},
		102: {"TestOpen311Closing", "open311.TestWhatTheDocumentsSay"},
		103: {"TestOpen311RequestFields", "open311.TestDocumentsByteForByte", "open311.TestWhatTheDocumentsSay"},
		104: {"TestOpen311RequestFields", "open311.TestWhatTheDocumentsSay"},
		105: {"TestOpen311Multipart"},
		106: {"TestOpen311ByID", "TestOpen311ListFilters", "open311.TestFromProblem"},
		107: {"TestOpen311ValuesKeepTheirTypes"},
		108: {"TestOpen311Services", "TestOpen311ValuesKeepTheirTypes", "TestOpen311WrongTypesAreSeen"},
		109: {"TestOpen311ListIsCutAtAThousand"},
		110: {"TestOpen311ByID"},
		111: {"TestOpen311ByID"},
		112: {"TestOpen311ListAndByIDAgree"},
		113: {"TestOpen311ByID", "open311.TestRoute"},
	}
}

func TestOpen311EveryRuleHasItsTest(t *testing.T) {
	t.Parallel()
	there := testsIn(t, ".", "")
	for name := range testsIn(t, filepath.Join("..", "internal", "open311"), "open311.") {
		there[name] = true
	}
	shown, excused := shownBy(), notApplicable()
	for rule := 1; rule <= lastRule; rule++ {
		if (len(shown[rule]) > 0) == (excused[rule] != "") {
			t.Errorf("rule %d: say which test shows it, or why it does not apply", rule)
		}
		for _, name := range shown[rule] {
			if !there[name] {
				t.Errorf("rule %d: there is no test %s", rule, name)
			}
		}
		delete(shown, rule)
		delete(excused, rule)
	}
	if len(shown)+len(excused) > 0 {
		t.Errorf("there are no such rules: %v %v", shown, excused)
	}
}

// testsIn are the tests of a folder, with a prefix to their names.
func testsIn(t *testing.T, folder, prefix string) map[string]bool {
	t.Helper()
	files, err := os.ReadDir(folder)
	must(t, err)
	tests := map[string]bool{}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, f.Name()), nil, parser.SkipObjectResolution)
		must(t, err)
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				tests[prefix+fn.Name.Name] = true
			}
		}
	}
	if len(tests) == 0 {
		t.Fatalf("no tests in %s", folder)
	}
	return tests
}
