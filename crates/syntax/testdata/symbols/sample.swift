import Foundation

protocol Shape {
    func area() -> Double
    var name: String { get }
}

struct Square<T>: Shape {
    var side = 1.0
    let name: String
    init(side: Double) {
        let local = side
        self.side = local
    }
    func area() -> Double { return side * side }
    static func unit() -> Square { return Square(side: 1) }
}

enum Kind {
    case round, angular(Int)
}

extension Square {
    func scaled() {}
}

class Board {
    var shapes: [Shape] = []
}

typealias Size = Int
func draw() {}
let global = 1
