"""``python -m cevns_bayes``."""

from cevns_bayes.cli import main

if __name__ == "__main__":
    main()
