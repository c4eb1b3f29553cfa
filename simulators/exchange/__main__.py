from simulators.exchange.server import main

if __name__ == "__main__":
    main()
