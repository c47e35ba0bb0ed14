// The program of the precompiled headers: it is never run.
int main() {
  return 0;
}
