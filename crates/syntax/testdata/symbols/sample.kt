package a.b

interface I {
    fun f()
}

enum class E { X, Y }

data class P(val x: Int, y: Int) {
    var z = 1
    companion object {
        const val K = 1
        fun make() {}
    }
    fun m() {
        val local = 1
    }
}
object O { val v = 1 }
fun String.ext() = 1
typealias A = Int
val top = 1
