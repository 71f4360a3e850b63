// A slip that was scanned brings its code behind the #, which no server and no log ever sees.
const field = document.querySelector("[data-slip]");
if (field && location.hash.length > 1) {
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
