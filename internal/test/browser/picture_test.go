package browser

import (
	"flag"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// pictureFile is the picture of the page in docs.
const pictureFile = repository + "/docs/report.png"

// largestPicture is the size in bytes that the documentation spends on the picture.
const largestPicture = 200_000

var update = flag.Bool("update", false, "make the picture in docs again")

// TestPictureOfThePage makes the picture of the page's beginning for the documentation. Fonts
// differ between machines, so it does not compare the picture with an earlier one.
func TestPictureOfThePage(t *testing.T) {
	p := openPage(t, "mixed", media("screen", "light"), sized(1100, 1080))
	picture, err := chromedp.Run(p, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if len(picture) > largestPicture {
		t.Errorf("the picture has %d bytes, more than %d", len(picture), largestPicture)
	}
	if *update {
		if err := os.WriteFile(pictureFile, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(pictureFile); err != nil || info.Size() > largestPicture {
		t.Errorf("the picture in docs: %v, %v", info, err)
	}
}
